"""Passwords and other secrets from a terminal or a file, never from arguments or the environment.

Those two can be read by other programs and are kept in histories.
"""

from __future__ import annotations

import argparse
import getpass
import stat
import sys
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_YES = ("y", "yes")


def add_password_option(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="read the password from the first line of a file that is yours alone",
    )


def read_password(options: argparse.Namespace, prompt: str = "Password: ") -> str:
    """Return the password from the file that was named, else from the terminal."""
    if options.password_file is not None:
        return read_secret_file(options, options.password_file)
    return ask_secret(options, prompt, "--password-file FILE")


def read_new_password(options: argparse.Namespace) -> str:
    """Return a new password, typed twice where a person types it."""
    if options.password_file is not None:
        return read_secret_file(options, options.password_file)
    first = ask_secret(options, "New password: ", "--password-file FILE")
    if ask_secret(options, "The same again: ", "--password-file FILE") != first:
        options.parser.error("the two passwords differ; nothing was done")
    return first


def read_secret_file(options: argparse.Namespace, path: Path) -> str:
    """Return the first line of a file that no other user can read; exits with 2 for others."""
    status = path.stat()
    if stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
        options.parser.error(f"others can read {path}; run: chmod 600 {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        options.parser.error(f"the first line of {path} is empty")
    return lines[0]


def ask_secret(options: argparse.Namespace, prompt: str, instead: str) -> str:
    """Ask without showing what is typed; exits with 2 where nobody can be asked."""
    if not sys.stdin.isatty():
        options.parser.error(f"there is no terminal to ask on; use {instead}")
    return getpass.getpass(prompt)


def confirm(options: argparse.Namespace, question: str) -> bool:
    """Ask for a yes; `--yes` gives it."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        options.parser.error("there is no terminal to confirm on; look first, then say --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in _YES
