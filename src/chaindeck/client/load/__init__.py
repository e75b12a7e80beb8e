"""Payments by the thousand, to measure a node with: made, sent, looked for in blocks, counted.

`funds` makes coins to spend, `payments` signs and packs, `circulation` lets the coins go round:
out as payments, back as change once a block holds them. `drive` sends over raw connections and
takes the time, `latencies` keeps it, `report` counts.
"""
