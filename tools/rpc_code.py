"""Python's view of the contract, made of `chaindeck.proto` by protoc.

`python -m tools.rpc_code` writes it; `--check` only says whether it is current.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

SOURCE = Path("src/chaindeck/rpc/chaindeck.proto")
TARGET = Path("src/chaindeck/rpc/generated")
NAMES = ("chaindeck_pb2.py", "chaindeck_pb2.pyi")
_HEAD = '"""Made of chaindeck.proto by `make generate`."""\n\n'


def generate(folder: Path) -> None:
    """Write the messages and their types into a folder."""
    command = [
        "protoc",
        f"-I{SOURCE.parent}",
        f"-I{files('grpc_tools') / '_proto'}",
        f"--python_out={folder}",
        f"--pyi_out={folder}",
        SOURCE.name,
    ]
    if protoc.main(command) != 0:
        raise SystemExit(1)
    stub = folder / NAMES[1]
    stub.write_text(_HEAD + stub.read_text())


def is_current() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        return all(
            (TARGET / name).exists()
            and (TARGET / name).read_bytes() == (Path(folder) / name).read_bytes()
            for name in NAMES
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.rpc_code", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not current")
    if parser.parse_args().check:
        fresh = is_current()
        print("the contract's code is current" if fresh else f"not current: {TARGET}")
        return not fresh
    generate(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
