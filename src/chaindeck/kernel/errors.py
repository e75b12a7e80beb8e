"""What the kernel raises.

MalformedError        outside bytes that are no transaction or block: expected, with a stable code
KernelMismatchError   native code disagrees with its twin: a broken build, nothing may run on it
"""

# The position of a code is its number in kernel/include/chaindeck/transaction.h.
MALFORMED_CODES = (
    "",
    "encoding-truncated",
    "encoding-varint",
    "encoding-version",
    "encoding-output-kind",
    "encoding-data-length",
    "encoding-index-range",
    "encoding-signature-length",
    "encoding-count",
    "encoding-trailing",
)


class MalformedError(ValueError):
    """Bytes that decode to nothing: which rule of the encoding, and the offset of the field."""

    def __init__(self, code: str, offset: int) -> None:
        super().__init__(code, offset)
        self.code = code
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.code} at offset {self.offset}"


class KernelMismatchError(RuntimeError):
    """The compiled kernel gave another answer than the Python twin."""
