"""Every route of the API. Dispatch, OpenAPI, the page for people and the tests are made of this."""

from __future__ import annotations

from chaindeck.node.api import forms, peer_forms, standing_forms
from chaindeck.node.api.addresses import get_address
from chaindeck.node.api.blocks import get_block, get_chain, post_block
from chaindeck.node.api.commands import (
    get_tips,
    post_checkpoint,
    post_invalidate,
    post_prefer,
    post_reconsider,
)
from chaindeck.node.api.documents import get_document, get_page
from chaindeck.node.api.exposition import get_metrics
from chaindeck.node.api.making import get_template, post_mine
from chaindeck.node.api.mempool import get_mempool
from chaindeck.node.api.payments import get_pool, get_transaction, post_transactions
from chaindeck.node.api.peers import (
    delete_capture,
    delete_peers,
    get_peers,
    post_capture,
    post_peers,
)
from chaindeck.node.api.playing import (
    post_clock,
    post_faucet,
    post_reset,
    post_revert,
    post_snapshot,
)
from chaindeck.node.api.routes import Route
from chaindeck.node.api.standing import get_health, get_stats, get_status

_READING = (
    Route(
        method="GET",
        path="/api/status",
        scope="read",
        cost=1,
        handler=get_status,
        summary="Where the node stands: identity, network, height, tip, pool, warnings",
        answers=standing_forms.StatusAnswer,
    ),
    Route(
        method="GET",
        path="/api/stats",
        scope="read",
        cost=2,
        handler=get_stats,
        summary="Live figures over the last 100 blocks, and what this process uses",
        answers=standing_forms.StatsAnswer,
    ),
    Route(
        method="GET",
        path="/api/blockchain",
        scope="read",
        cost=2,
        handler=get_chain,
        summary="Headers page by page; whole blocks, line by line, with Accept: "
        "application/x-ndjson",
        query=forms.ChainQuery,
        answers=forms.ChainAnswer,
        also=("application/x-ndjson",),
    ),
    Route(
        method="GET",
        path="/api/block/{block}",
        scope="read",
        cost=5,
        handler=get_block,
        summary="One block by height or hash, of any branch",
        argument="a height of the active chain, or the hash of any known block",
        argument_pattern="^([0-9]{1,10}|[0-9a-f]{64})$",
        query=forms.BlockQuery,
        answers=forms.BlockAnswer,
        also=("application/octet-stream",),
    ),
    Route(
        method="GET",
        path="/api/transactions",
        scope="read",
        cost=5,
        handler=get_pool,
        summary="What waits for a block, by fee, age or size",
        query=forms.PoolQuery,
        answers=forms.PoolAnswer,
    ),
    Route(
        method="GET",
        path="/api/transaction/{id}",
        scope="read",
        cost=5,
        handler=get_transaction,
        summary="What became of a transaction, with a proof on demand",
        argument="the id of a transaction",
        argument_pattern="^[0-9a-f]{64}$",
        query=forms.TransactionQuery,
        answers=forms.TransactionAnswer,
    ),
    Route(
        method="GET",
        path="/api/address/{address}",
        scope="read",
        cost=3,
        handler=get_address,
        summary="Balance, coins and history of an address",
        argument="an address of this network",
        argument_pattern="^[a-z]{1,16}1[02-9ac-hj-np-z]{39}$",
        query=forms.AddressQuery,
        answers=forms.AddressAnswer,
    ),
    Route(
        method="GET",
        path="/api/mempool",
        scope="read",
        cost=2,
        handler=get_mempool,
        summary="The pool on the whole: totals, fees, blocks to come",
        answers=forms.MempoolAnswer,
    ),
    Route(
        method="GET",
        path="/metrics",
        scope="read",
        cost=5,
        handler=get_metrics,
        summary="All figures in the text format of Prometheus",
        answers="lines of text",
        media="text/plain",
    ),
    Route(
        method="GET",
        path="/health",
        scope=None,
        cost=1,
        handler=get_health,
        summary="That the process lives, and which one it is",
        answers=standing_forms.HealthAnswer,
    ),
)

_WRITING = (
    Route(
        method="POST",
        path="/api/transactions",
        scope="submit",
        cost=1,
        handler=post_transactions,
        summary="Offer one transaction, a list of them, or packed ones",
        query=forms.SubmitQuery,
        body=forms.TransactionForm | list[forms.TransactionForm],
        takes_bytes=True,
        answers=forms.SubmitAnswer | list[forms.SubmitAnswer],
    ),
    Route(
        method="GET",
        path="/api/template",
        scope="mine",
        cost=50,
        handler=get_template,
        summary="A block that lacks only its nonce, for an outside miner",
        query=forms.TemplateQuery,
        answers=forms.TemplateAnswer,
    ),
    Route(
        method="POST",
        path="/api/block",
        scope="mine",
        cost=50,
        handler=post_block,
        summary="Hand in a block",
        body=forms.BlockForm,
        takes_bytes=True,
        answers=forms.BlockTaken,
    ),
    Route(
        method="POST",
        path="/api/admin/invalidate",
        scope="admin",
        cost=50,
        handler=post_invalidate,
        summary="Give a block up, with all that builds on it",
        body=forms.HashForm,
        answers=forms.TipAnswer,
    ),
    Route(
        method="POST",
        path="/api/admin/reconsider",
        scope="admin",
        cost=50,
        handler=post_reconsider,
        summary="Lift an invalidation, and let a parked branch win",
        body=forms.HashForm,
        answers=forms.TipAnswer,
    ),
    Route(
        method="POST",
        path="/api/admin/prefer",
        scope="admin",
        cost=50,
        handler=post_prefer,
        summary="Let a block win ties",
        body=forms.HashForm,
        answers=forms.TipAnswer,
    ),
    Route(
        method="POST",
        path="/api/admin/checkpoint",
        scope="admin",
        cost=50,
        handler=post_checkpoint,
        summary="Fix a height to a block, as enough signers said",
        body=forms.CheckpointForm,
        answers=forms.CheckpointAnswer,
    ),
    Route(
        method="GET",
        path="/api/admin/tips",
        scope="admin",
        cost=5,
        handler=get_tips,
        summary="The ends of all branches",
        answers=forms.TipsAnswer,
    ),
)

_ABOUT = (
    Route(
        method="GET",
        path="/api/openapi.json",
        scope=None,
        cost=2,
        handler=get_document,
        summary="This API for programs",
        answers="an OpenAPI 3.1 document",
    ),
    Route(
        method="GET",
        path="/api/docs",
        scope=None,
        cost=2,
        handler=get_page,
        summary="This API for people",
        answers="a page of HTML",
        media="text/html",
    ),
)

_MINING = (
    Route(
        method="POST",
        path="/api/mine",
        scope="mine",
        cost=50,
        handler=post_mine,
        summary="Mine blocks now",
        body=forms.MineForm,
        answers=forms.MineAnswer,
    ),
)

_PEERING = (
    Route(
        method="GET",
        path="/api/peers",
        scope="read",
        cost=2,
        handler=get_peers,
        summary="Who is linked with this node, and what is barred",
        answers=peer_forms.PeersAnswer,
    ),
    Route(
        method="POST",
        path="/api/peers",
        scope="admin",
        cost=50,
        handler=post_peers,
        summary="Keep a link with a peer, and lift what bars it",
        body=peer_forms.PeerForm,
        answers=peer_forms.PeerTaken,
    ),
    Route(
        method="DELETE",
        path="/api/peers",
        scope="admin",
        cost=50,
        handler=delete_peers,
        summary="Drop a peer, and bar it for a while",
        query=peer_forms.DropQuery,
        answers=peer_forms.PeerTaken,
    ),
    Route(
        method="POST",
        path="/api/admin/capture",
        scope="admin",
        cost=50,
        handler=post_capture,
        summary="Record the network side for so many seconds; its links are made anew",
        body=peer_forms.CaptureForm,
        answers=peer_forms.CaptureView,
    ),
    Route(
        method="DELETE",
        path="/api/admin/capture",
        scope="admin",
        cost=50,
        handler=delete_capture,
        summary="End the recording of the network side",
        answers=peer_forms.CaptureView,
    ),
)

_PLAYING = (
    Route(
        method="POST",
        path="/api/dev/snapshot",
        scope="admin",
        cost=50,
        handler=post_snapshot,
        summary="Remember chain, pool and clock",
        answers=forms.SnapshotAnswer,
    ),
    Route(
        method="POST",
        path="/api/dev/revert",
        scope="admin",
        cost=50,
        handler=post_revert,
        summary="Go back to a snapshot",
        body=forms.RevertForm,
        answers=forms.TipAnswer,
    ),
    Route(
        method="POST",
        path="/api/dev/reset",
        scope="admin",
        cost=50,
        handler=post_reset,
        summary="Go back to the genesis block",
        answers=forms.TipAnswer,
    ),
    Route(
        method="POST",
        path="/api/dev/clock",
        scope="admin",
        cost=5,
        handler=post_clock,
        summary="Set, move, stop or start the clock",
        body=forms.ClockForm,
        answers=forms.ClockAnswer,
    ),
    Route(
        method="POST",
        path="/api/dev/faucet",
        scope="admin",
        cost=10,
        handler=post_faucet,
        summary="Pay an address from the faucet",
        body=forms.FaucetForm,
        answers=forms.FaucetAnswer,
    ),
)


def list_routes(
    *, has_miner: bool, has_dev_tools: bool, has_peers: bool = False
) -> tuple[Route, ...]:
    """Return the routes of a node; what it cannot do is not there at all."""
    mining = _MINING if has_miner else ()
    playing = _PLAYING if has_dev_tools else ()
    peering = _PEERING if has_peers else ()
    return (*_READING, *_WRITING, *mining, *peering, *playing, *_ABOUT)
