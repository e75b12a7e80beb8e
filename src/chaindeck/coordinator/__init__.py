"""The daemon behind the control room: it watches, keeps records, and is where events come from.

It knows records, nodes as a client does, and the contract; no page, and no rule of the ledger. Read
it in this order:

* `settings`, `errors`, `limits`, `ports`: how it is set up, what can go wrong, the numbers.
* `writing`, `hub`, `journal`: one thread writes, and what is committed reaches every reader once.
* `components`, `workers`: what runs, how it is, and who starts it again.
* `sources`, `polling`, `network`: which nodes there are, how they are, and all of them together.
* `measuring`, `upkeep`: this machine and our processes; sums, and forgetting what is old.
* `following`: the chain, block by block, into records.
* `reports`, `orders`: what the web tells, and what it wants done.
* `publishing`: the same events for Redis.
* `desk`, `daemon`, `process`: the contract's answers, all of it together, and as a process.
"""
