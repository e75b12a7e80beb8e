"""What linters cannot say about this tree, and the tools that the Makefile runs."""
