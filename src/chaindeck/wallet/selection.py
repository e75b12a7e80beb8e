"""Which coins pay: exact integers, no chance, the same answer for the same coins.

1. A set that needs no change, found by a bounded search: cheaper now, and one coin less later.
2. Otherwise the cheaper of two sets with change: the smallest single coin that is enough, or the
   largest coins until they are enough, the last of them swapped for the smallest that still does.

Change that would cost more to spend than it is worth goes to the miner instead. Coins that bring
less than spending them costs are left alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NoReturn

import msgspec

from chaindeck.ledger.errors import TransactionSize
from chaindeck.ledger.limits import MAX_TRANSACTION_BYTES, SIGNATURE_BYTES
from chaindeck.ledger.types import KeyHash, Output, Payment
from chaindeck.wallet.errors import NotEnough, NothingToConsolidate, TooManyInputs
from chaindeck.wallet.limits import MAX_SEARCH_STEPS
from chaindeck.wallet.sizes import CHANGE_STUB, SPEND_BYTES, fee_for, input_bytes, total_bytes
from chaindeck.wallet.types import WalletCoin


class Selection(msgspec.Struct, frozen=True):
    """Coins that pay for some outputs: `held = paid + fee + change`."""

    coins: tuple[WalletCoin, ...]
    held: int
    paid: int
    fee: int
    change: int
    """For one more output, to oneself; 0 means none."""


def select_coins(
    coins: Sequence[WalletCoin], outputs: Sequence[Output], fee_per_kb: int
) -> Selection:
    """Choose coins for these outputs at this rate (base units per 1,000 bytes).

    Raises `NotEnough`, `TooManyInputs`, or `TransactionSize` where the outputs alone are too many.
    """
    request = _Request(outputs, fee_per_kb)
    candidates = _worth_spending(coins, fee_per_kb)
    return _without_change(request, candidates) or _with_change(request, candidates)


def sweep_coins(coins: Sequence[WalletCoin], fee_per_kb: int) -> Selection:
    """Put all that the coins are worth into one output, which the selection calls `change`.

    Where they do not fit into one transaction the largest go first. Raises `NotEnough`.
    """
    request, candidates = _Request((), fee_per_kb), _worth_spending(coins, fee_per_kb)
    selection = request.settle(_fill(request, candidates))
    if not selection.change:
        raise NotEnough(have=selection.held, need=request.least_sweep(_Basket(candidates)))
    return selection


def consolidate_coins(coins: Sequence[WalletCoin], fee_per_kb: int) -> Selection:
    """Merge as many of the smallest coins as fit into one: best done while fees are low.

    Raises `NothingToConsolidate` where fewer than two are worth it.
    """
    request, candidates = _Request((), fee_per_kb), _worth_spending(coins, fee_per_kb)
    selection = request.settle(_fill(request, candidates[::-1]))
    if len(selection.coins) < 2 or not selection.change:
        raise NothingToConsolidate(count=len(candidates))
    return selection


class _Basket:
    """Coins taken so far, with what their size depends on; the last one can be taken out again."""

    def __init__(self, coins: Iterable[WalletCoin] = ()) -> None:
        self.coins: list[WalletCoin] = []
        self.held = 0
        self.inputs_bytes = 0
        self._owners: Counter[KeyHash] = Counter()
        self._most = [0]
        for coin in coins:
            self.push(coin)

    def push(self, coin: WalletCoin) -> None:
        owner = coin.coin.key_hash
        self.coins.append(coin)
        self.held += coin.coin.amount
        self.inputs_bytes += input_bytes(coin)
        self._owners[owner] += 1
        self._most.append(max(self._most[-1], self._owners[owner]))

    def pop(self) -> None:
        coin = self.coins.pop()
        self.held -= coin.coin.amount
        self.inputs_bytes -= input_bytes(coin)
        self._owners[coin.coin.key_hash] -= 1
        self._most.pop()

    def size(self, outputs: Sequence[Output]) -> int:
        count = len(self.coins)
        return total_bytes(self.inputs_bytes, count - self._most[-1], count, outputs)


class _Request:
    """What is to be paid, and what a basket would make of it."""

    def __init__(self, outputs: Sequence[Output], fee_per_kb: int) -> None:
        assert fee_per_kb >= 0, "a rate is a count of base units"
        self._base_bytes = total_bytes(0, 0, 0, outputs)
        self._change_bytes = total_bytes(0, 0, 0, [*outputs, CHANGE_STUB]) - self._base_bytes
        if self._base_bytes > MAX_TRANSACTION_BYTES:
            raise TransactionSize(size=self._base_bytes, limit=MAX_TRANSACTION_BYTES)
        self._no_outputs_bytes = total_bytes(0, 0, 0, ())
        self._fee_per_kb = fee_per_kb
        self._least_change = max(1, fee_for(SPEND_BYTES, fee_per_kb))
        self.paid = sum(item.amount for item in outputs if isinstance(item, Payment))

    def size(self, basket: _Basket) -> int:
        """Return the size without change."""
        return self._base_bytes - self._no_outputs_bytes + basket.size(())

    def need(self, basket: _Basket) -> int:
        """Return what these coins must hold to pay for all but change."""
        return self.paid + fee_for(self.size(basket), self._fee_per_kb)

    def change(self, basket: _Basket) -> int:
        """Return what is left for change, 0 where it is not worth an output."""
        size = self.size(basket) + self._change_bytes
        change = basket.held - self.paid - fee_for(size, self._fee_per_kb)
        return change if change >= self._least_change else 0

    def least_sweep(self, basket: _Basket) -> int:
        """Return what these coins must hold to leave a change."""
        size = self.size(basket) + self._change_bytes
        return fee_for(size, self._fee_per_kb) + self._least_change

    def fits(self, basket: _Basket) -> bool:
        return self.size(basket) + self._change_bytes <= MAX_TRANSACTION_BYTES

    def is_met(self, basket: _Basket) -> bool:
        return bool(basket.coins) and basket.held >= self.need(basket) and self.fits(basket)

    def settle(self, basket: _Basket) -> Selection:
        change = self.change(basket)
        fee = basket.held - self.paid - change
        return Selection(tuple(basket.coins), basket.held, self.paid, fee, change)


def _worth_spending(coins: Sequence[WalletCoin], fee_per_kb: int) -> list[WalletCoin]:
    """Return the coins that bring more than they cost, largest first, equal ones by outpoint."""
    counts = Counter(coin.coin.key_hash for coin in coins)
    most = max(counts.values(), default=0)

    def is_worth(coin: WalletCoin) -> bool:
        is_covered = counts[coin.coin.key_hash] == most
        size = input_bytes(coin) + (0 if is_covered else SIGNATURE_BYTES)
        # Not rounded: the fee is rounded once, for the whole.
        return 1000 * coin.coin.amount > size * fee_per_kb

    worth = filter(is_worth, coins)
    return sorted(worth, key=lambda coin: (-coin.coin.amount, coin.outpoint))


def _without_change(request: _Request, candidates: Sequence[WalletCoin]) -> Selection | None:
    """Search for the cheapest set that leaves nothing over, in at most `MAX_SEARCH_STEPS`.

    Each step takes the next coin in, or gives the last one up and goes on behind it. A branch ends
    where it pays, where all that is left could not, or where it costs more than the best one.
    """
    rest = [*accumulate((coin.coin.amount for coin in reversed(candidates)), initial=0)][::-1]
    best: Selection | None = None
    basket, taken, place = _Basket(), list[int](), 0
    for _ in range(MAX_SEARCH_STEPS):
        over = basket.held - request.need(basket)
        if request.is_met(basket) and not request.change(basket):
            found = request.settle(basket)
            best = found if best is None or found.fee < best.fee else best
        is_dear = best is not None and basket.held - request.paid >= best.fee
        is_hopeless = is_dear or over + rest[place] < 0 or not request.fits(basket)
        if (over >= 0 and taken) or is_hopeless or place == len(candidates):
            if not taken:
                break
            basket.pop()
            place = taken.pop() + 1
        else:
            basket.push(candidates[place])
            taken.append(place)
            place += 1
    return best


def _with_change(request: _Request, candidates: Sequence[WalletCoin]) -> Selection:
    baskets = (_single(request, candidates), _largest_first(request, candidates))
    found = [request.settle(basket) for basket in baskets if basket]
    if not found:
        _raise_shortage(request, candidates)
    return min(found, key=lambda selection: (selection.fee, selection.change))


def _single(request: _Request, candidates: Sequence[WalletCoin]) -> _Basket | None:
    """Return the smallest coin that is enough by itself."""
    for coin in reversed(candidates):
        if coin.coin.amount >= request.paid:
            basket = _Basket([coin])
            if request.is_met(basket):
                return basket
    return None


def _largest_first(request: _Request, candidates: Sequence[WalletCoin]) -> _Basket | None:
    basket = _Basket()
    for place, coin in enumerate(candidates):
        basket.push(coin)
        if request.is_met(basket):
            return _swap_last(request, basket, candidates[place:])
        if not request.fits(basket):
            return None
    return None


def _swap_last(request: _Request, basket: _Basket, others: Sequence[WalletCoin]) -> _Basket:
    """Put the smallest of the others in the place of the last coin, which is the first of them."""
    basket.pop()
    missing = request.need(basket) - basket.held
    # Smaller coins cannot do; whether these do depends on what their own input costs.
    place = bisect_right(others, -missing, key=lambda coin: -coin.coin.amount) - 1
    basket.push(others[place])
    while not request.is_met(basket):
        basket.pop()
        place -= 1
        basket.push(others[place])
    return basket


def _fill(request: _Request, candidates: Sequence[WalletCoin]) -> _Basket:
    """Take coins in this order while they fit into one transaction."""
    basket = _Basket()
    for coin in candidates:
        basket.push(coin)
        if not request.fits(basket):
            basket.pop()
            break
    return basket


def _raise_shortage(request: _Request, candidates: Sequence[WalletCoin]) -> NoReturn:
    basket = _Basket()
    for coin in candidates:
        basket.push(coin)
        if basket.held >= request.need(basket):
            size = request.size(basket)
            raise TooManyInputs(count=len(basket.coins), size=size, limit=MAX_TRANSACTION_BYTES)
    raise NotEnough(have=basket.held, need=request.need(basket))
