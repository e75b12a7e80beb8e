"""A node as a process: from its settings to a running API, and down again in good order.

Order matters both ways. Up: settings, the data directory (which one instance holds), the chain,
the miner, the API. Down: the API, the miner, the chain; what was acknowledged is on disk before the
last line is logged. While it runs, `running.json` in the data directory says where.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from chaindeck.ledger import profiles
from chaindeck.ledger.addresses import decode_address
from chaindeck.ledger.errors import RuleError
from chaindeck.ledger.genesis import Network, build_network, decode_genesis
from chaindeck.ledger.signatures import SigningKey
from chaindeck.ledger.types import KeyHash
from chaindeck.node.api import ApiServer, App, TokenBook, create_app, serve
from chaindeck.node.clock import Clock, DevClock
from chaindeck.node.config import CONFIG_NAME, NodeConfig, check_reach, flag_of
from chaindeck.node.dev import FAUCET_KEY, DevTools, dev_genesis
from chaindeck.node.errors import ConfigNetwork, ConfigValue, PortTaken
from chaindeck.node.limits import COLLECTOR_THRESHOLDS, PRUNE_INTERVAL_S
from chaindeck.node.logs import get_logger, set_up_logs
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.network import NetworkOptions, PeerNetwork
from chaindeck.node.network.desk import PeerDesk
from chaindeck.node.network.identity import load_node_key
from chaindeck.node.network.names import parse_peer
from chaindeck.node.network.tls import load_tls_identity
from chaindeck.node.service import NodeService
from chaindeck.node.turns import end_ties
from chaindeck.protocol.types import NodeKey
from chaindeck.store import ChainStore
from chaindeck.store.atomic import write_json
from chaindeck.store.errors import FileError, InputOutput, StoreError
from chaindeck.store.genesis_file import GENESIS_NAME, load_genesis
from chaindeck.store.key_file import load_key

_log = get_logger("node")
_BYTES_IN_MB = 1024 * 1024
_SEAL_KEY_EXAMPLE = "seal.key, a file that chaindeck chain key makes"
_GENESIS_EXAMPLE = "grid.json, a file that chaindeck chain genesis writes"
_SHOWN_DIGITS = 16
RUNNING_NAME = "running.json"
_DEV_BANNER = (
    "development chain: its work is trivial, its faucet's key is public, and its clock and history"
    " can be changed; nothing on it is worth anything"
)


async def run_node(folder: Path, config: NodeConfig) -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    set_up_logs(config.log_level, config.log_format)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    network = choose_network(folder, config)
    check_reach(config, network)
    is_dev = network.genesis.difficulty == "none"
    with ChainStore.open(folder, network) as store:
        clock = DevClock.load(folder) if is_dev else Clock()
        service = NodeService(network, store, clock)
        gc.set_threshold(*COLLECTOR_THRESHOLDS)
        await service.start()
        # What a start made is here for good and need not be looked through again.
        gc.freeze()
        async with (
            _peering(service, config, is_dev=is_dev) as peering,
            _mining(service, _plan(config, is_dev=is_dev), config) as miner,
            _taking_turns(service, config),
            _serving(service, config, miner, peering),
        ):
            if is_dev:
                _log.warning(_DEV_BANNER)
            pruning = asyncio.create_task(_prune(service, config.prune_mb))
            await stopping.wait()
            _log.info("stopping")
            pruning.cancel()
        await service.stop()
    _log.info("stopped", height=store.height())
    return 0


def choose_network(folder: Path, config: NodeConfig) -> Network:
    """Return the network of a data directory: its own, or for a new one, what the settings say.

    Raises `ConfigNetwork` where they say something else than what is there.
    """
    named = _named_network(config)
    if not (folder / GENESIS_NAME).exists():
        return named or build_network(profiles.local())
    held = build_network(load_genesis(folder))
    if named is not None and named.id != held.id:
        field = "genesis" if config.genesis else "profile"
        raise ConfigNetwork(
            field=field,
            path=str(folder),
            held=_shown(held),
            source=flag_of(field),
            named=_shown(named),
        )
    return held


def _named_network(config: NodeConfig) -> Network | None:
    """Return the network that the settings name, if they name one."""
    if config.genesis is not None:
        path = Path(config.genesis).expanduser()
        try:
            return build_network(decode_genesis(path.read_bytes()))
        except OSError as error:
            raise _bad("genesis", f"{path}: {error.strerror}", _GENESIS_EXAMPLE) from error
        except RuleError as error:
            where = f", at {error.field}" if error.field else ""
            raise _bad("genesis", f"{path}: {error}{where}", _GENESIS_EXAMPLE) from error
    if config.profile is not None:
        return build_network(dev_genesis() if config.profile == "dev" else profiles.local())
    return None


def _shown(network: Network) -> str:
    return f"{network.genesis.name} ({network.id.hex()[:_SHOWN_DIGITS]})"


@contextlib.asynccontextmanager
async def _serving(
    service: NodeService, config: NodeConfig, miner: Miner, network: PeerNetwork | None
) -> AsyncIterator[None]:
    clock = service.clock
    tokens = TokenBook(service.store.folder)
    tokens.write_cookie()
    app = create_app(
        service,
        tokens=tokens,
        origins=config.allowed_origins,
        open_loopback=config.open_loopback,
        miner=miner,
        peering=PeerDesk(network) if network else None,
        dev=DevTools(service, clock) if isinstance(clock, DevClock) else None,
    )
    server = await _listen(app, config)
    url = f"http://{config.api_host}:{server.port}"
    _log.info(
        "ready",
        name=config.name or service.store.folder.name,
        network=service.network.genesis.name,
        height=service.tip.header.height,
        api=url,
        pid=os.getpid(),
        instance=service.instance_id,
    )
    running = service.store.folder / RUNNING_NAME
    write_json(running, {"url": url, "pid": os.getpid(), "instance": service.instance_id})
    try:
        yield
    finally:
        await server.stop()
        running.unlink(missing_ok=True)


async def _listen(app: App, config: NodeConfig) -> ApiServer:
    try:
        return await serve(app, config.api_host, config.api_port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(field="api_port", port=config.api_port, option="--api-port") from error
        reason = error.strerror or str(error)
        raise _bad("api_host", f"{config.api_host}: {reason}", "127.0.0.1") from error


@contextlib.asynccontextmanager
async def _peering(
    service: NodeService, config: NodeConfig, *, is_dev: bool
) -> AsyncIterator[PeerNetwork | None]:
    """Take part in the network, unless the settings say that this node stays alone."""
    if not (config.p2p if config.p2p is not None else not is_dev):
        yield None
        return
    network = PeerNetwork(
        service,
        load_node_key(service.store.folder),
        NetworkOptions(
            host=config.p2p_host,
            port=config.p2p_port,
            peers=tuple(parse_peer(peer) for peer in config.peers),
            admitted=frozenset(NodeKey(bytes.fromhex(key)) for key in config.admitted) or None,
            is_discovering=config.discovery,
            group=config.discovery_group,
            group_port=config.discovery_port,
            least_work=config.least_work,
            max_inbound=config.max_inbound,
            tls=load_tls_identity(service.store.folder) if config.p2p_tls else None,
        ),
    )
    try:
        await network.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(field="p2p_port", port=config.p2p_port, option="--p2p-port") from error
        reason = error.strerror or str(error)
        raise _bad("p2p_host", f"{config.p2p_host}: {reason}", "127.0.0.1") from error
    _log.info("peers welcome", host=config.p2p_host, port=network.port, key=network.key.hex())
    try:
        yield network
    finally:
        await network.stop()


@contextlib.asynccontextmanager
async def _mining(
    service: NodeService, plan: MiningPlan, config: NodeConfig
) -> AsyncIterator[Miner]:
    miner = Miner(service, plan, _payee(service, plan, config), _seal_key(config))
    following = asyncio.create_task(miner.run())
    following.add_done_callback(_tell_failure)
    try:
        yield miner
    finally:
        following.cancel()
        await asyncio.wait([following])
        miner.close()


@contextlib.asynccontextmanager
async def _taking_turns(service: NodeService, config: NodeConfig) -> AsyncIterator[None]:
    """End ties with other miners, where miners are listed and this node is one of them."""
    key = _seal_key(config)
    if key is None or not service.network.seal_window:
        yield
        return
    ending = asyncio.create_task(end_ties(service, key.key_hash))
    ending.add_done_callback(_tell_failure)
    try:
        yield
    finally:
        ending.cancel()
        await asyncio.wait([ending])


def _tell_failure(task: asyncio.Task[None]) -> None:
    """A miner that ended by a fault is told in the log and the status; the node itself goes on."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("mining ended", error)


def _plan(config: NodeConfig, *, is_dev: bool) -> MiningPlan:
    return MiningPlan(
        mode=config.mining or ("transaction" if is_dev else "off"),
        threads=config.mining_threads,
        duty=config.mining_duty,
        interval_ms=config.mining_interval_ms,
    )


def _payee(service: NodeService, plan: MiningPlan, config: NodeConfig) -> KeyHash | None:
    prefix = service.network.genesis.address_prefix
    if config.mine_to is None:
        if isinstance(service.clock, DevClock):
            return FAUCET_KEY.key_hash
        if plan.mode != "off" and config.seal_key is None:
            reason = f"mining={plan.mode} needs an address to pay"
            raise _bad("mine_to", reason, f"{prefix}1q...")
        return None
    try:
        return decode_address(config.mine_to, prefix)
    except RuleError as error:
        raise _bad("mine_to", str(error), f"{prefix}1q...") from error


def _seal_key(config: NodeConfig) -> SigningKey | None:
    if config.seal_key is None:
        return None
    path = Path(config.seal_key).expanduser()
    try:
        return load_key(path)
    except (FileError, InputOutput) as error:
        raise _bad("seal_key", str(error), _SEAL_KEY_EXAMPLE) from error


async def _prune(service: NodeService, keep_mb: int) -> None:
    while keep_mb:
        try:
            await service.prune(keep_mb * _BYTES_IN_MB)
        except StoreError as error:
            _log.error("pruning failed", error, code=error.code)
        await asyncio.sleep(PRUNE_INTERVAL_S)


def _bad(name: str, reason: str, example: str) -> ConfigValue:
    return ConfigValue(
        field=name,
        source=f"{flag_of(name)}, or {name} in {CONFIG_NAME}",
        reason=reason,
        example=example,
    )
