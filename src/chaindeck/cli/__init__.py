"""The `chaindeck` command: one thin function for each verb, and nothing that a room could do.

`main` finds the verb, runs it, and turns errors into exit codes: 0 done, 1 failed, 2 misuse,
3 refused.
"""

from chaindeck.cli.main import main

__all__ = ["main"]
