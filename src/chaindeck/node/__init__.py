"""A node: the ledger and the store driven by asyncio, with a miner and an API.

It holds no rule and no wallet. Read `service` first: what a node can be asked and told. `config`
says how one is set up, `process` how it starts and stops, `mining` how it makes blocks, `feed` how
others follow it, `clock` and `dev` what development chains may do with time, `describe` what the
ledger's values look like as JSON, and `api` how all of that looks from outside.
"""
