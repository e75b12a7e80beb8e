"""Functions that write, one module for each kind of record: keyword arguments, own transaction."""
