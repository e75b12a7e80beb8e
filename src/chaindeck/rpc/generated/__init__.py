"""Code made of the contract; `make generate` writes it, nobody edits it."""
