"""What can be wrong with what people ask a simulation for. Nobody is blamed for it.

    SimulateError          as `chaindeck.ledger.errors.CodedError`: code, field, typed values
    |- ScenarioUnknown     no shipped scenario has this name, and no file
    |- ScenarioSyntax      a file is not TOML
    |- ScenarioShape       a field is missing, unknown or of another kind
    `- ScenarioRange       a value makes no sense, alone or beside another

That a simulated network breaks an invariant is no error of this kind: see `invariants.Broken`.
"""

from __future__ import annotations

from chaindeck.ledger.errors import CodedError


class SimulateError(CodedError):
    """What was asked for cannot be simulated."""


class ScenarioUnknown(SimulateError):
    code = "scenario-unknown"
    message = "there is no scenario {name}; did you mean {guess}?"


class ScenarioSyntax(SimulateError):
    code = "scenario-syntax"
    message = "the scenario is not TOML: {reason}"


class ScenarioShape(SimulateError):
    code = "scenario-shape"
    message = "{reason}; for example {example}"


class ScenarioRange(SimulateError):
    code = "scenario-range"
    message = "{reason}; for example {example}"
