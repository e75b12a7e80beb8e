"""The rules of the money: transactions, blocks, targets, chain choice, memory pool.

This room decides; it never acts. It knows no file, socket, clock, thread or random source: time
comes in as an argument, coins through a small port, signatures and hashes from `chaindeck.kernel`.

Read it in this order:

* `types`, `limits`, `errors`: the words, the numbers, what can be wrong.
* `codec`, `json_form`, `addresses`, `coins`: values to bytes and back, each in exactly one way.
* `signatures`, `transactions`, `headers`, `seals`, `blocks`: who may spend, what a valid block is.
* `connect`: what a block changes, quickly; `slow_connect`: the same one by one, the oracle.
* `targets`, `difficulty`, `money`, `merkle`: how hard, how much, and whether it is in there.
* `genesis`, `profiles`: the document every network is made from.
* `chain`, `checkpoints`: which of several branches holds.
* `pool`: what waits. Its words are in `pool_types`, what it holds in `pool_contents`, in which
  order in `clusters`, what it asks first in `pool_plan` and what it wants in `pool_policy`.
* `templates`: what the next block takes.
* `state`: all of it as one node's chain that moves.
"""
