"""What this is, under which licence, and whose work it carries."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution, requires
from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaindeck import __version__

IN_PAGES: Final = (
    ("uPlot", "MIT", "draws the charts"),
    ("Tailwind CSS", "MIT", "the ground of the style sheet"),
)
"""What built files hold of others."""


class Carried(msgspec.Struct, frozen=True):
    """A package that an installation brings along."""

    name: str
    version: str
    licence: str


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    context = {"version": __version__, "in_pages": IN_PAGES, "carried": carried()}
    return render(request, "pages/about.html", context)


@cache
def carried() -> tuple[Carried, ...]:
    """Return the packages that this one names, with the licences that they state."""
    names = sorted({_name(line) for line in requires("chaindeck") or ()}, key=str.lower)
    return tuple(found for name in names if (found := _look(name)) is not None)


def _name(requirement: str) -> str:
    end = next(
        (place for place, letter in enumerate(requirement) if letter in "<>=!~[; "),
        len(requirement),
    )
    return requirement[:end]


def _look(name: str) -> Carried | None:
    try:
        found = distribution(name).metadata
    except PackageNotFoundError:
        # Meant for another system than this.
        return None
    classifiers = found.get_all("Classifier") or []
    licence = _licence(_first(found, "License-Expression"), classifiers, _first(found, "License"))
    return Carried(found["Name"], found["Version"], licence)


def _first(metadata: PackageMetadata, name: str) -> str | None:
    found: list[str] | None = metadata.get_all(name)
    return found[0] if found else None


def _licence(expression: str | None, classifiers: list[str], text: str | None) -> str:
    """Return the shortest honest statement of three that packages make."""
    if expression:
        return expression
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License")]
    if named:
        return ", ".join(named)
    return (text or "see its files").splitlines()[0][:60]
