"""Keys, and what can be done with them: keeping, deriving, choosing coins, signing.

The room knows the ledger's rules and nothing of a node's insides: what it needs of one is the
small port in `ports`. Nothing secret appears in a repr, a message or an exception. Secrets are not
wiped from memory: Python copies bytes freely, so a promise to wipe would be empty.

Read it in this order:

* `types`, `limits`, `errors`: the words, the numbers, what can be wrong.
* `mnemonics`, `hd`, `accounts`: from a recovery phrase to keys and addresses, and back by scanning;
  `base58` and `ripemd160` are two old formats that extended keys are written in.
* `secrets`, `sealing`, `keystore`, `key_files`: how keys rest on disk.
* `wallet`: one wallet as a model: which keys, which addresses next, who signs for what.
* `sizes`, `fees`, `selection`: which coins to spend, and what that costs.
* `drafts`, `signing`: a payment on its way from draft to signatures to the network, offline too.
* `ports`, `payments`: the same from end to end, with a node.
"""
