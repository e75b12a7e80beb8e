"""Functions that read, one module for each kind of record. The number of queries never grows."""
