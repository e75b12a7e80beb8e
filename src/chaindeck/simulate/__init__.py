"""A whole network in one process and in virtual time, running the very code that nodes run.

Each simulated node is a `protocol.Machine` over a `ledger.state.ChainState`, as a real one is; what
is simulated is the world: links with latency, bandwidth and loss, clocks, crashes, hash rate. All
chance comes from one seed, so that a seed and a commit give the same run, event by event.

Read `world` (time, links), then `node` (one node), `library` (what all nodes share, since a block
is as valid for one as for another), `scenario` (what a file can ask for) and `running`.
"""
