"""What can go wrong with the chain on disk, one class and one stable code for each case.

    StoreError
    |- EnvironmentFailed      the machine: retry when it is repaired, nothing is damaged
    |  |- StoreLocked, DiskFull, MapFull, InputOutput
    |- StoreUnusable          what is on disk is not what this program can go on with
    |  |- ForeignNetwork, WrongVersion, Corrupt, Unfinished
    |- Pruned                 asked for something that was given up to save room
    |- NotRebuildable         so much was given up that a reindex is impossible
    |- FileError              a state file is not what its reader needs
    |- SnapshotError          a snapshot file is refused
    `- ImportRefused          a file of blocks is refused

Every instance carries typed values. A broken rule of the chain is no store error: importing raises
the ledger's own.
"""

from __future__ import annotations

from chaindeck.ledger.errors import CodedError


class StoreError(CodedError):
    """Base of all. Raised with the values that its message names."""


class EnvironmentFailed(StoreError):
    """The machine does not do what was asked of it; nothing on disk is damaged."""


class StoreLocked(EnvironmentFailed):
    code = "store-locked"
    message = "{path} is in use by process {pid}"


class DiskFull(EnvironmentFailed):
    code = "store-disk-full"
    message = "no room left to write {path}; the store goes on once there is some"


class MapFull(EnvironmentFailed):
    code = "store-map-full"
    message = "{path} has reached the address space set aside for it; restart to set aside more"


class InputOutput(EnvironmentFailed):
    code = "store-io"
    message = "{path}: {reason}; nothing more is written until the store is opened again"


class StoreUnusable(StoreError):
    """What is on disk is not what this program can go on with."""


class ForeignNetwork(StoreUnusable):
    code = "store-network"
    message = "{path} belongs to network {actual}, not to {expected}"


class WrongVersion(StoreUnusable):
    code = "store-version"
    message = "{path} has format {actual}, this program reads {expected}"


class Corrupt(StoreUnusable):
    code = "store-corrupt"
    message = "{path}: {reason}; run `chaindeck node --reindex`"


class Unfinished(StoreUnusable):
    code = "store-unfinished"
    message = "{path}: a reindex was interrupted; run `chaindeck node --reindex` to finish it"


class Pruned(StoreError):
    code = "store-pruned"
    message = "block {height} was pruned; bodies are kept from height {first}"


class NotRebuildable(StoreError):
    code = "store-not-rebuildable"
    message = (
        "{path} keeps blocks from height {first} on, and nothing can be rebuilt without those"
        " before; it is left as it is. Start anew instead: move {path} away, then run the node,"
        " which asks its peers for all, or `chaindeck chain start-from` with a snapshot"
    )


class FileError(StoreError):
    """A state file is not what its reader needs."""


class FileMissing(FileError):
    code = "file-missing"
    message = "{path} does not exist"


class FileInvalid(FileError):
    code = "file-invalid"
    message = "{path}: {reason}"


class FileTaken(FileError):
    code = "file-taken"
    message = "{path} exists already, and is left as it is; choose another name"


class SnapshotError(StoreError):
    """A snapshot file is refused; the store is as it was before."""


class SnapshotFormat(SnapshotError):
    code = "snapshot-format"
    message = "{path} is no snapshot of format 1: {reason}"


class SnapshotTorn(SnapshotError):
    code = "snapshot-torn"
    message = "{path} ends too early or was changed: {reason}"


class SnapshotNetwork(SnapshotError):
    code = "snapshot-network"
    message = "{path} is of network {actual}, not of {expected}"


class SnapshotCoins(SnapshotError):
    code = "snapshot-coins"
    message = "the coins of {path} have the hash {actual}, expected {expected}"


class SnapshotNotFresh(SnapshotError):
    code = "snapshot-not-fresh"
    message = "{path} has {height} blocks already; a snapshot starts an empty store"


class ImportRefused(StoreError):
    """A file of blocks is refused; the blocks before the line are in."""


class ImportLine(ImportRefused):
    code = "import-line"
    message = "line {line}: {reason}"


class ImportMismatch(ImportRefused):
    code = "import-mismatch"
    message = "line {line}: {name} is not that of the raw block"


class ImportGap(ImportRefused):
    code = "import-gap"
    message = "line {line}: block {height} does not follow the tip at height {tip}"
