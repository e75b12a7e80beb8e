"""What is fuzzed: a name for each decoder of outside bytes, and what must hold for any input.

A target either returns or raises nothing: the errors that a decoder promises are caught here, and
anything else that escapes is a finding. Two promises cover most decoders: what decodes encodes
again to the same bytes (`round_trip`), and a fast path answers like its slow twin (`same_answer`).
"""

import contextlib
import io
import struct
from collections.abc import Callable
from itertools import pairwise

import msgspec

from chaindeck import kernel
from chaindeck.kernel import twin
from chaindeck.kernel.errors import MalformedError
from chaindeck.ledger import addresses, checkpoints, codec, genesis, json_form
from chaindeck.ledger.errors import RuleError
from chaindeck.protocol import datagrams, frames
from chaindeck.protocol.codec import decode_message, encode_message
from chaindeck.protocol.errors import PeerFault, RecordingForm
from chaindeck.protocol.messages import Type
from chaindeck.protocol.recording import replay
from chaindeck.protocol.records import read_records
from chaindeck.wallet import drafts
from tests.fuzz.parts import knock, read_request, say_frames
from tests.fuzz.wallet_files import open_key_file, rewrite_keystore
from tests.protocol.mischief import Mischief

Target = Callable[[bytes], None]
PREFIX = "cd"  # of addresses in JSON
MAGIC, NETWORK_ID = b"wire", b"wire" + bytes(28)
MAX_BLOCK_BYTES = 1_000_000
MOST_STEPS, BYTES_A_STEP = 60, 12  # of a node among strangers: a second under the fuzzer's eyes


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


def replay_bytes(data: bytes) -> None:
    """Live through a recording, whoever wrote it."""
    replay(read_records(io.BytesIO(data).read))


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


def read_frames(data: bytes, cuts: list[int]):
    """Return the frames in bytes that come in pieces, and the fault that ends them."""
    reader = frames.FrameReader(MAGIC, MAX_BLOCK_BYTES)
    found: list[tuple[Type, bytes]] = []
    try:
        for begin, end in pairwise([0, *cuts, len(data)]):
            found += reader.feed(data[begin:end])
            assert reader.pending < 13 + max(frames.type_limits(MAX_BLOCK_BYTES).values())
    except PeerFault as fault:
        return found, fault.code
    return found, None


def same_frames_however_cut(data: bytes) -> None:
    """The first four bytes say where the rest is cut; the answer is that of the whole."""
    steps, stream = data[:4], data[4:]
    cuts: list[int] = []
    place = 0
    while place < len(stream) and any(steps):
        place += steps[len(cuts) % len(steps)]
        cuts.append(min(place, len(stream)))
    whole = read_frames(stream, [])
    assert whole == read_frames(stream, cuts), "the cuts change what is read"
    again = b"".join(frames.encode_frame(MAGIC, *frame) for frame in whole[0])
    assert stream.startswith(again)


def decode_typed(data: bytes):
    """The first byte is the type of the frame that the rest comes in."""
    types = list(Type)
    frame_type = types[data[0] % len(types)] if data else Type.PING
    return data[:1], frame_type, decode_message(frame_type, data[1:])


def encode_typed(value):
    first, frame_type, message = value
    frame = encode_message(MAGIC, message)
    assert frame[4] == frame_type
    return first + frame[13:]


def encode_unsigned(announcement):
    """Write an announcement from its parts, with whatever signature it had."""
    fields = struct.pack(
        "<4sBQIH33s",
        MAGIC,
        announcement.kind,
        announcement.time_ms,
        announcement.height,
        announcement.port,
        announcement.key,
    )
    return fields + announcement.signature


def read_announcement(data: bytes):
    """What is signed reads the same as what is only read."""
    announcement = datagrams.read_announcement(NETWORK_ID, data)
    with contextlib.suppress(PeerFault):
        assert datagrams.decode_announcement(NETWORK_ID, data) == announcement
    return announcement


def match_names(implementation):
    """The key, a count of pooled ids, the ids, then names; what is missing is zero."""

    def match(data: bytes):
        key, count = data[:16].ljust(16, b"\0"), data[16] % 8 if len(data) > 16 else 0
        pool = data[17 : 17 + 32 * count].ljust(32 * count, b"\0")
        rest = data[17 + 32 * count :]
        names = rest[: len(rest) // 6 * 6] + implementation.short_ids(key, pool)
        return implementation.match_short_ids(key, pool, names)

    return match


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


def live_among_strangers(data: bytes) -> None:
    """Two bytes are one choice of what happens to a node next; after the last, all is quiet."""
    place = 0

    def choose(below: int) -> int:
        nonlocal place
        place += 2
        return int.from_bytes(data[place - 2 : place], "little") % below

    Mischief(choose).run(min(MOST_STEPS, len(data) // BYTES_A_STEP))


TARGETS: dict[str, Target] = {
    "kernel-transaction": same_answer(
        kernel.parse_transaction, twin.parse_transaction, MalformedError
    ),
    "kernel-block": same_answer(
        describe_index(kernel.index_block), describe_index(twin.index_block), MalformedError
    ),
    "kernel-short-ids": same_answer(match_names(kernel), match_names(twin), ValueError),
    "ledger-transaction": round_trip(codec.decode_transaction, rebuild_transaction),
    "ledger-block": round_trip(codec.decode_block, rebuild_block),
    "ledger-address": only_refuses(decode_text_address),
    "ledger-checkpoint": round_trip(checkpoints.decode_checkpoint, checkpoints.encode_checkpoint),
    "ledger-genesis": canonical(genesis.decode_genesis, genesis.encode_genesis),
    "ledger-json": canonical(
        lambda data: json_form.transaction_from_json(data, PREFIX), encode_json
    ),
    "wallet-keystore": canonical(rewrite_keystore, bytes),
    "wallet-key-file": only_refuses(open_key_file),
    "wallet-draft": canonical(drafts.draft_from_json, drafts.draft_to_json),
    "protocol-frames": same_frames_however_cut,
    "protocol-message": round_trip(decode_typed, encode_typed, PeerFault),
    "protocol-announcement": round_trip(read_announcement, encode_unsigned, PeerFault),
    "protocol-machine": live_among_strangers,
    "protocol-recording": only_refuses(replay_bytes, RecordingForm),
    "rpc-request": read_request,
    "rpc-gate": knock,
    "live-frames": say_frames,
}
