"""A parser of commands that guesses what a misspelt word was meant to be."""

from __future__ import annotations

import argparse
import difflib


class Parser(argparse.ArgumentParser):
    """For the command and all its branches: argparse makes those of the same class."""

    def _check_value(self, action: argparse.Action, value: object) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            guesses = difflib.get_close_matches(str(value), map(str, action.choices or ()), 1)
            if guesses:
                error.message += f"; did you mean {guesses[0]!r}?"
            raise
