"""What is remembered: the models, one migration history, and the functions that write and read.

It knows the ledger's values and a database, and neither network nor web. Read it in this order:

* `setup`, `settings`, `databases`: which database, and how it is made ready. A process that is not
  the web calls `setup.configure` before it imports anything else from here.
* `types`, `limits`, `errors`: the words, the numbers, and what can go wrong.
* `models`: the tables.
* `indexing`: what a block does to the tables of the chain, as bulk statements.
* `services`: functions that write, each in its own transaction.
* `selectors`: functions that read.
"""
