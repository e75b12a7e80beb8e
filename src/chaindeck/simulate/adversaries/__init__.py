"""Adversaries by name, as scenarios call them. A new one is a module beside this and a line here.

`kit` says what an adversary is and gets; `chaindeck.simulate.hosting` lets it live in the world.
"""

from __future__ import annotations

from typing import Final

from chaindeck.simulate.adversaries import disloyal, flooding, misleading, signing
from chaindeck.simulate.adversaries.kit import Adversary, Kind, Kit, Option
from chaindeck.simulate.adversaries.silent import SILENT

KINDS: Final[dict[str, Kind]] = {
    "silent": SILENT,
    **flooding.KINDS,
    **misleading.KINDS,
    **disloyal.KINDS,
    **signing.KINDS,
}

__all__ = ["KINDS", "Adversary", "Kind", "Kit", "Option"]
