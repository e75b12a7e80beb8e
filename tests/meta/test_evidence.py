"""Evidence records name what a reader needs and nothing about the host."""

import platform
import sys
from pathlib import Path

from tests.meta.tree import ROOT
from tools import evidence


def test_record_holds_command_seeds_and_result(tmp_path):
    record = evidence.Record("fuzz", "make fuzz", {"codec": "7"}, f"ok {ROOT}/tests/x.py", 61.0)
    path = evidence.write_record(record, tmp_path)
    text = path.read_text()
    assert path.name == "fuzz.md"
    for part in ("# Evidence: fuzz", "make fuzz", "codec 7", "ok tests/x.py", "| took | 61 s |"):
        assert part in text
    assert str(ROOT) not in text


def test_machine_description_names_no_host_or_path():
    described = " ".join(evidence.describe_machine().values())
    assert str(Path.home()) not in described
    if platform.node() not in ("", "localhost"):
        assert platform.node() not in described


def test_command_is_run_recorded_and_its_status_returned(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "EVIDENCE_DIR", ROOT / "build" / "evidence-test")
    monkeypatch.setattr(evidence, "write_record", keep := Keeper())
    code = "import sys; print('TEST_SEED=42'); sys.exit(3)"
    assert evidence.main(["probe", "--", sys.executable, "-c", code]) == 3
    assert keep.record.seeds == {"TEST_SEED": "42"}
    assert keep.record.result.endswith("exit status 3")
    assert "TEST_SEED=42" in capsys.readouterr().out


def test_call_without_command_is_refused(capsys):
    assert evidence.main(["probe"]) == 2
    assert "usage" in capsys.readouterr().err


class Keeper:
    """Takes a record instead of writing it."""

    def __call__(self, record):
        self.record = record
        return ROOT / "docs" / "evidence" / f"{record.name}.md"
