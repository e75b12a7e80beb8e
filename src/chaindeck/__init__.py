"""Chaindeck: run, watch and prove a private or consortium blockchain with one command.

Each package below this one is one idea; ARCHITECTURE.md names them from the ground up and says
which may import which.
"""

__version__ = "0.1.0"
