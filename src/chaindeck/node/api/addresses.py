"""What is known of an address: balance, coins and history, the last two page by page."""

from __future__ import annotations

from chaindeck.ledger.coins import decode_coin
from chaindeck.ledger.types import OutPoint, PackedCoin
from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import (
    AddressAnswer,
    AddressQuery,
    BalanceView,
    CoinView,
    HistoryView,
    PendingCoinView,
)
from chaindeck.node.api.holdings import Holdings, PendingCoin
from chaindeck.node.api.requests import Request, Response, answer, read_cursor
from chaindeck.node.describe import address_of
from chaindeck.store import HistoryRow

_OUTPOINT_BYTES = 36
_PLACE_BYTES = 8
_COINS_A_UNIT = 200


async def get_address(context: Context, request: Request) -> Response:
    query = request.query(AddressQuery)
    key_hash = context.key_hash(request.argument)
    coins_cursor = read_cursor(query.coins_cursor, "coins_cursor", _OUTPOINT_BYTES)
    history_cursor = read_cursor(query.history_cursor, "history_cursor", _PLACE_BYTES)
    holdings = await context.holdings.of(key_hash)
    request.charge(request.identity, holdings.coins // _COINS_A_UNIT)
    store = context.service.store
    coins = store.coins_of(key_hash, cursor=coins_cursor, limit=query.limit)
    history = store.history_of(key_hash, cursor=history_cursor, limit=query.limit)
    return answer(
        AddressAnswer(
            address=address_of(context.network, key_hash),
            height=store.height(),
            balance=_balance_view(holdings),
            coins=[_coin_view(context, outpoint, packed) for outpoint, packed in coins.coins],
            coins_cursor=coins.cursor.hex() if coins.cursor else None,
            pending=[_pending_view(context, coin) for coin in holdings.pending[: query.limit]],
            history=[_history_view(row) for row in history.rows],
            history_cursor=history.cursor.hex() if history.cursor else None,
        )
    )


def _balance_view(holdings: Holdings) -> BalanceView:
    pending_in = sum(coin.amount for coin in holdings.pending)
    return BalanceView(holdings.confirmed, pending_in, holdings.spent, holdings.coins)


def _coin_view(context: Context, outpoint: OutPoint, packed: PackedCoin) -> CoinView:
    coin = decode_coin(packed)
    state = context.service.state
    age = state.next_height - coin.height
    return CoinView(
        outpoint[:32].hex(),
        int.from_bytes(outpoint[32:], "big"),
        coin.amount,
        coin.height,
        coin.is_reward,
        not coin.is_reward or age >= context.network.genesis.maturity,
        _spender(context, outpoint),
    )


def _pending_view(context: Context, coin: PendingCoin) -> PendingCoinView:
    outpoint = coin.outpoint
    index = int.from_bytes(outpoint[32:], "big")
    return PendingCoinView(outpoint[:32].hex(), index, coin.amount, _spender(context, outpoint))


def _spender(context: Context, outpoint: OutPoint) -> str | None:
    spender = context.service.state.pool.spender(outpoint)
    return spender.id.hex() if spender else None


def _history_view(row: HistoryRow) -> HistoryView:
    return HistoryView(row.tx_id.hex(), row.height, row.position, row.received, row.spent)
