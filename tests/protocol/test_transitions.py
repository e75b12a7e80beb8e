"""A link's phases follow one table; what is not in it is a fault."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from chaindeck.protocol import errors
from chaindeck.protocol.messages import Type
from chaindeck.protocol.transitions import SPOKEN_WHEN_READY, TRANSITIONS, Phase, next_phase
from tools import wire_page

HANDSHAKE = {Type.HELLO, Type.WELCOME, Type.PROOF}


def walk(phase: Phase, *spoken: Type) -> Phase:
    for one in spoken:
        phase = next_phase(phase, one)
    return phase


def test_dialler_is_ready_after_the_welcome() -> None:
    assert walk(Phase.DIALLED, Type.WELCOME) is Phase.READY


def test_answerer_is_ready_after_hello_and_proof() -> None:
    assert walk(Phase.ANSWERING, Type.HELLO) is Phase.PROVING
    assert walk(Phase.ANSWERING, Type.HELLO, Type.PROOF) is Phase.READY


def test_ready_link_stays_ready_whatever_is_said() -> None:
    assert set(SPOKEN_WHEN_READY) == set(Type) - HANDSHAKE - {Type.BYE}
    assert walk(Phase.READY, *SPOKEN_WHEN_READY) is Phase.READY


@pytest.mark.parametrize("phase", Phase)
def test_farewell_is_allowed_in_every_phase(phase) -> None:
    assert next_phase(phase, Type.BYE) is Phase.CLOSING


@pytest.mark.parametrize(
    ("phase", "spoken"),
    [pair for pair in itertools.product(Phase, Type) if pair not in TRANSITIONS],
)
def test_anything_else_is_unexpected(phase, spoken) -> None:
    with pytest.raises(errors.MessageUnexpected) as raised:
        next_phase(phase, spoken)
    assert raised.value.code == "message-unexpected"
    assert raised.value.values == {"type": spoken.name, "phase": phase.value}
    assert not raised.value.is_provable


def test_nothing_but_proof_leads_an_inbound_link_to_ready() -> None:
    leading = {pair for pair, phase in TRANSITIONS.items() if phase is Phase.READY}
    assert leading - {(Phase.READY, spoken) for spoken in SPOKEN_WHEN_READY} == {
        (Phase.DIALLED, Type.WELCOME),
        (Phase.PROVING, Type.PROOF),
    }


class TestPage:
    def test_page_is_current(self) -> None:
        assert wire_page.PAGE.read_text() == wire_page.render(wire_page.PAGE.read_text())

    def test_stale_part_is_noticed_and_written_anew(self, tmp_path: Path, monkeypatch) -> None:
        current = wire_page.PAGE.read_text()
        page = tmp_path / "page.md"
        page.write_text(current.replace("ready --> ready", "ready --> nowhere"))
        monkeypatch.setattr(wire_page, "PAGE", page)
        assert wire_page.write(is_check=True) == 1
        assert wire_page.write(is_check=False) == 0
        assert page.read_text() == current
        assert wire_page.write(is_check=True) == 0

    def test_page_without_the_marks_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not marked once"):
            wire_page.render("a page")
