"""Payments by the thousand, to measure a node with: made, sent, and waited for.

`funds` makes coins to spend, `payments` signs one payment for each and packs them into requests,
`drive` sends those over raw connections and takes the time, `report` counts.
"""
