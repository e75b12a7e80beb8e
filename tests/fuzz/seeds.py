"""Valid inputs to start each target from, so that the fuzzer need not guess a whole encoding."""

import random

import msgspec

from chaindeck.ledger import genesis, json_form, profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.checkpoints import Checkpoint, encode_checkpoint
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import Amount, BlockHash, Data, Height, KeyHash, Payment, TxId, TxInput
from chaindeck.protocol.codec import encode_message
from chaindeck.protocol.datagrams import Kind, encode_announcement
from chaindeck.protocol.inputs import PeerConnected, Started, TimerFired
from chaindeck.protocol.messages import Type
from chaindeck.protocol.recording import Recorder
from chaindeck.protocol.types import LinkId
from tests.fuzz.parts import make_part_seeds
from tests.fuzz.wallet_files import make_wallet_seeds
from tests.protocol.town import START_MS, Resident, Town
from tools import wire_vectors


def make_seeds(prefix: str) -> dict[str, list[bytes]]:
    """Seeds by target; addresses of the JSON form have this prefix."""
    document = profiles.dev()
    network = genesis.build_network(document)
    spend = TxInput(TxId(bytes(range(32))), 1, b"")
    signed = TxInput(TxId(bytes(range(32))), 300, b"\1" * 65)
    payment = Payment(KeyHash(b"\2" * 20), Amount(5_000))
    plain = build_transaction([spend], [payment], 1_700_000_000, b"\3" * 65)
    mixed = build_transaction([spend, signed], [payment, Data(b"note")], 0, b"\3" * 65)
    checkpoint = Checkpoint(Height(7), BlockHash(b"\4" * 32), (b"\1" * 65, b"\2" * 65))
    as_json = [
        msgspec.json.encode(json_form.transaction_to_json(transaction, prefix))
        for transaction in (plain, mixed)
    ]
    return {
        "kernel-transaction": [plain.raw, mixed.raw],
        "ledger-transaction": [plain.raw, mixed.raw],
        "kernel-short-ids": [bytes(17), bytes(range(16)) + b"\3" + bytes(range(120))],
        "kernel-block": [b"\1" + plain.raw, b"\2" + plain.raw + mixed.raw],
        "ledger-block": [network.block.raw],
        "ledger-address": [encode_address(payment.key_hash, prefix).encode()],
        "ledger-checkpoint": [encode_checkpoint(checkpoint)],
        "ledger-genesis": [genesis.encode_genesis(document)],
        "ledger-json": as_json,
        **make_wire_seeds(b"wire"),
        **make_wallet_seeds(),
        **make_part_seeds(),
    }


def make_wire_seeds(magic: bytes) -> dict[str, list[bytes]]:
    """Every message once, alone and as one of the frames of a stream."""
    frames = [encode_message(magic, message) for message in wire_vectors.messages()]
    announcement = encode_announcement(
        magic + bytes(28), SigningKey(b"\1" * 32), kind=Kind.ASK, time_ms=1, height=2, port=3
    )
    return {
        "protocol-frames": [b"\1\2\3\7" + b"".join(frames), *(bytes(4) + one for one in frames)],
        "protocol-message": [bytes([frame[4] - Type.HELLO]) + frame[13:] for frame in frames],
        "protocol-announcement": [announcement],
        "protocol-machine": [random.Random(seed).randbytes(600) for seed in range(4)],
        "protocol-recording": [make_recording()],
    }


def make_recording() -> bytes:
    """The first moments of a machine, written down."""
    node = Resident(Town(), 0)
    records: list[bytes] = []
    recorder = Recorder(node.settings, node.view, records.append)
    recorder.step(START_MS, Started())
    recorder.step(START_MS + 1, PeerConnected(LinkId(1), node.address, is_inbound=False))
    recorder.step(START_MS + 2, TimerFired())
    return b"".join(records)
