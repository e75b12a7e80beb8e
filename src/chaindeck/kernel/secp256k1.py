"""Hands coincurve's libsecp256k1 to the native module, so that nothing is vendored or linked.

Knows the names of four C functions and no rule. The context and coincurve's library stay
referenced here for as long as the process lives, because native code keeps their addresses.
"""

from typing import Final

from coincurve._libsecp256k1 import ffi, lib

from chaindeck.kernel import _native

_CONTEXT_NONE: Final = 1  # SECP256K1_CONTEXT_NONE: recovering needs no precomputed secret tables
_context: Final = ffi.gc(lib.secp256k1_context_create(_CONTEXT_NONE), lib.secp256k1_context_destroy)


def connect_signature_library() -> None:
    """Make recover_many and check_block usable. Calling it again changes nothing."""
    _native.connect_signature_library(
        context=_address(_context),
        parse_compact=_address_of("secp256k1_ecdsa_recoverable_signature_parse_compact"),
        recover=_address_of("secp256k1_ecdsa_recover"),
        serialize=_address_of("secp256k1_ec_pubkey_serialize"),
    )


def _address_of(function: str) -> int:
    return _address(ffi.addressof(lib, function))


def _address(pointer: object) -> int:
    return int(ffi.cast("uintptr_t", pointer))
