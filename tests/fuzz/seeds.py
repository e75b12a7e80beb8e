"""Valid inputs to start each target from, so that the fuzzer need not guess a whole encoding."""

import msgspec

from chaindeck.ledger import genesis, json_form, profiles
from chaindeck.ledger.addresses import encode_address
from chaindeck.ledger.checkpoints import Checkpoint, encode_checkpoint
from chaindeck.ledger.codec import build_transaction
from chaindeck.ledger.types import Amount, BlockHash, Data, Height, KeyHash, Payment, TxId, TxInput


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
        "kernel-block": [b"\1" + plain.raw, b"\2" + plain.raw + mixed.raw],
        "ledger-block": [network.block.raw],
        "ledger-address": [encode_address(payment.key_hash, prefix).encode()],
        "ledger-checkpoint": [encode_checkpoint(checkpoint)],
        "ledger-genesis": [genesis.encode_genesis(document)],
        "ledger-json": as_json,
    }
