"""The scenarios that come with Chaindeck, by name: a TOML file each, read as anybody's own."""

from __future__ import annotations

import difflib
import re
from importlib import resources
from pathlib import Path

from chaindeck.simulate.drawing import draw_scenario
from chaindeck.simulate.errors import ScenarioUnknown
from chaindeck.simulate.limits import MAX_SWARM_SEED
from chaindeck.simulate.scenario import Scenario, read_scenario

_SUFFIX = ".toml"
_DRAWN = re.compile(r"swarm-(\d{1,16})")


def names() -> list[str]:
    """Return the names of all shipped scenarios."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX))


def load_scenario(name: str) -> Scenario:
    """Return a scenario by the name of a shipped one, `swarm-N`, or the path of a file.

    Raises a `SimulateError`, or `OSError` for a file that cannot be read.
    """
    drawn = _DRAWN.fullmatch(name)
    if drawn and int(drawn[1]) <= MAX_SWARM_SEED:
        return draw_scenario(int(drawn[1]))
    if name in names():
        return read_scenario(resources.files(__name__).joinpath(name + _SUFFIX).read_bytes())
    path = Path(name)
    if path.suffix or path.exists():
        return read_scenario(path.read_bytes())
    guess = difflib.get_close_matches(name, names(), 1, 0)
    raise ScenarioUnknown(field="scenario", name=name, guess=guess[0] if guess else "small-office")
