"""Rows of lists as plain values: what a page shows and what an event says are the same."""

from __future__ import annotations

from typing import Any

import msgspec

from chaindeck.records.bulk import time_ms_of
from chaindeck.records.models import Activity, Block, Execution, Node, Transaction
from chaindeck.records.places import number_of


def block_row(block: Block) -> dict[str, Any]:
    return {
        "height": block.block_index,
        "hash": block.hash,
        "previous": block.previous_hash,
        "time_ms": time_ms_of(block.timestamp),
        "tx_count": block.tx_count,
        "size": block.size,
        "fees": block.fees,
        "lowest_per_kb": block.lowest_per_kb,
        "highest_per_kb": block.highest_per_kb,
        "reward": block.reward,
        "amount": block.amount,
        "miner": block.miner,
        "sealer": block.sealer,
        "work": block.work,
        "is_on_chain": block.is_on_chain,
        "node": block.node_source,
    }


def transaction_row(row: Transaction, *, is_on_chain: bool | None = None) -> dict[str, Any]:
    """Return one of the chain, or one that waits, as its key says unless told otherwise."""
    is_on_chain = row.id >= 0 if is_on_chain is None else is_on_chain
    return {
        "id": row.tx_hash,
        "status": row.status,
        "from": row.from_addr,
        "to": row.to_addr,
        "amount": row.amount,
        "fee": row.fee,
        "size": row.size,
        "time_ms": time_ms_of(row.timestamp),
        "made_ms": row.made_ms,
        "height": row.block_index,
        "number": number_of(row.id) if is_on_chain else None,
        "is_reward": is_on_chain and number_of(row.id) == 0,
        "reason": row.reason,
    }


def node_row(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "node_id": node.node_id,
        "url": node.url,
        "ip_address": node.ip_address,
        "port": node.port,
        "last_seen_ms": None if node.last_seen is None else time_ms_of(node.last_seen),
        "height": node.chain_height,
        "tip": node.tip_hash,
        "is_active": node.is_active,
        "is_ours": node.is_ours,
        "state": node.state,
        "version": node.version,
        "peers": node.peers,
        "pool_count": node.pool_count,
        "clock_offset_ms": node.clock_offset_ms,
    }


def activity_row(row: Activity) -> dict[str, Any]:
    return {
        "id": row.pk,
        "time_ms": time_ms_of(row.timestamp),
        "severity": row.severity,
        "action": row.action,
        "user": row.user,
        "description": row.description,
        "ip_address": row.ip_address,
        "source": row.source,
    }


def execution_row(row: Execution) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "state": row.state,
        "started_ms": time_ms_of(row.started),
        "ended_ms": None if row.ended is None else time_ms_of(row.ended),
        "done": row.done,
        "total": row.total,
        "error": row.error,
    }


def block_details(block: Block) -> dict[str, Any]:
    """The rest of a header; of a stale block also which transactions it had."""
    details: dict[str, Any] = msgspec.json.decode(block.data)
    return details
