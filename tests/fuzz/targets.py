"""What is fuzzed: a name for each decoder of outside bytes, and what must hold for any input.

A target either returns or raises nothing: the errors that a decoder promises are caught here, and
anything else that escapes is a finding. Two promises cover most decoders: what decodes encodes
again to the same bytes (`round_trip`), and a fast path answers like its slow twin (`same_answer`).
"""

import contextlib
from collections.abc import Callable

import msgspec

from chaindeck import kernel
from chaindeck.kernel import twin
from chaindeck.kernel.errors import MalformedError
from chaindeck.ledger import addresses, checkpoints, codec, genesis, json_form
from chaindeck.ledger.errors import RuleError

Target = Callable[[bytes], None]
PREFIX = "cd"  # of addresses in JSON


def round_trip(decode, encode, expected_error=RuleError) -> Target:
    """Bytes are refused with the expected error, or come back the same."""

    def target(data: bytes) -> None:
        try:
            value = decode(data)
        except expected_error:
            return
        assert encode(value) == data, "decoded to something that encodes otherwise"

    return target


def canonical(decode, encode, expected_error=RuleError) -> Target:
    """For text, which has many spellings: the canonical one decodes to the same value."""

    def target(data: bytes) -> None:
        try:
            value = decode(data)
        except expected_error:
            return
        assert decode(encode(value)) == value, "the canonical form means something else"

    return target


def only_refuses(decode, expected_error=RuleError) -> Target:
    """Bytes are refused with the expected error, or pass what the decoder itself asserts."""

    def target(data: bytes) -> None:
        with contextlib.suppress(expected_error):
            decode(data)

    return target


def same_answer(fast, slow, expected_error) -> Target:
    """Both give the same value or the same error."""

    def answer(function, data):
        try:
            return function(data)
        except expected_error as error:
            return type(error), error.args

    def target(data: bytes) -> None:
        assert answer(fast, data) == answer(slow, data), "the fast path and its twin disagree"

    return target


def rebuild_transaction(value):
    """Write a transaction from its parts, so that nothing is just handed through."""
    return codec.build_transaction(
        value.inputs, value.outputs, value.timestamp, value.signature
    ).raw


def rebuild_block(value):
    """Write a block from its header's fields and its transactions' parts."""
    header = value.header
    fields = {
        name: getattr(header, name)
        for name in ("height", "previous", "merkle_root", "time_ms", "target_bits", "tx_count")
    }
    again = codec.build_header(**fields, nonce=header.nonce)
    assert header.version != codec.HEADER_VERSION or again == header
    body = b"".join(rebuild_transaction(item) for item in codec.block_transactions(value))
    return header.raw + codec.encode_signature(value.seal) + body


def describe_index(index_block):
    """The first byte counts the transactions in the rest."""

    def describe(data: bytes):
        index = index_block(data, 1, data[0] if data else 0)
        return (
            index.txids,
            index.full_ids,
            index.merkle_root,
            index.spent_outpoints,
            index.signature_count,
            index.offsets,
        )

    return describe


def decode_text_address(data: bytes):
    """Text that is no UTF-8 never reaches the decoder; an address may be in capitals."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    key_hash = addresses.decode_address(text, PREFIX)
    assert addresses.encode_address(key_hash, PREFIX) == text.lower()
    return key_hash


def encode_json(transaction):
    return msgspec.json.encode(json_form.transaction_to_json(transaction, PREFIX))


TARGETS: dict[str, Target] = {
    "kernel-transaction": same_answer(
        kernel.parse_transaction, twin.parse_transaction, MalformedError
    ),
    "kernel-block": same_answer(
        describe_index(kernel.index_block), describe_index(twin.index_block), MalformedError
    ),
    "ledger-transaction": round_trip(codec.decode_transaction, rebuild_transaction),
    "ledger-block": round_trip(codec.decode_block, rebuild_block),
    "ledger-address": only_refuses(decode_text_address),
    "ledger-checkpoint": round_trip(checkpoints.decode_checkpoint, checkpoints.encode_checkpoint),
    "ledger-genesis": canonical(genesis.decode_genesis, genesis.encode_genesis),
    "ledger-json": canonical(
        lambda data: json_form.transaction_from_json(data, PREFIX), encode_json
    ),
}
