"""A real server on a loopback port, in a thread of its own, and a plain client beside it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from websockets.sync.client import ClientConnection, connect

from chaindeck.ledger.genesis import Network, build_network
from chaindeck.ledger.json_form import transaction_to_json
from chaindeck.ledger.types import Transaction
from chaindeck.node.api import ApiServer, App, TokenBook, create_app, serve
from chaindeck.node.api.tokens import read_cookie
from chaindeck.node.clock import DevClock
from chaindeck.node.dev import DevTools, dev_genesis
from chaindeck.node.mining import Miner, MiningPlan
from chaindeck.node.network import NetworkOptions, PeerNetwork
from chaindeck.node.network.desk import PeerDesk
from chaindeck.node.network.identity import load_node_key
from chaindeck.node.service import NodeService
from chaindeck.store import ChainStore
from tests.ledger.forge import ALICE, address

WAIT_S = 20
_ALONE = NetworkOptions(host="127.0.0.1", port=0, is_discovering=False)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


class Api:
    """One server, and what a stranger can do to it. Without a token unless one is given."""

    def __init__(self, service: NodeService, app: App, server: ApiServer, tokens: TokenBook):
        self.service = service
        self.app = app
        self.server = server
        self.tokens = tokens
        self.port = server.port
        self.cookie = read_cookie(service.store.folder)
        self.loop = asyncio.get_running_loop()
        self.closing = asyncio.Event()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def call(self, function, *arguments):
        """Call something on the server's own loop."""

        async def work():
            return function(*arguments)

        return self.run(work())

    def ask(self, method, path, body=b"", *, token=None, kind=None, **headers) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            given["Authorization"] = f"Bearer {token}"
        if not isinstance(body, bytes):
            body, kind = json.dumps(body).encode(), kind or "application/json"
        if kind:
            given["Content-Type"] = kind
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        with contextlib.closing(line):
            line.request(method, path, body or None, given)
            response = line.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())

    def get(self, path, **options) -> Answer:
        return self.ask("GET", path, **options)

    def post(self, path, body=b"", **options) -> Answer:
        return self.ask("POST", path, body, **options)

    def command(self, path, body=b"") -> Any:
        """Post with the cookie; return the answer, which must be good."""
        answer = self.post(path, body, token=self.cookie)
        assert answer.status == 200, answer.body
        return answer.json

    def mine(self, blocks=1, key=ALICE) -> list[str]:
        form = {"blocks": blocks, "address": address(key)}
        hashes: list[str] = self.command("/api/mine", form)["hashes"]
        return hashes

    def offer(self, transaction: Transaction, **options) -> Answer:
        return self.post("/api/transactions", payment_form(transaction), **options)

    def follow(self, query="", **options) -> ClientConnection:
        url = f"ws://127.0.0.1:{self.port}/ws/events{query}"
        reader: ClientConnection = connect(url, compression=None, **{"max_queue": None, **options})
        return reader

    def line(self) -> socket.socket:
        """A bare connection, for what no client would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)


def payment_form(transaction: Transaction) -> dict[str, Any]:
    return transaction_to_json(transaction, "tdeck")


def speak(api: Api, raw: bytes) -> bytes:
    """Send bytes and return all that comes until the server closes."""
    with api.line() as line:
        line.sendall(raw)
        return read_all(line)


def read_all(line: socket.socket) -> bytes:
    parts = []
    while part := line.recv(65_536):
        parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    network: Network | None = None,
    has_miner: bool = True,
    has_dev: bool = True,
    has_peers: bool = True,
    **options: Any,
) -> Iterator[Api]:
    """Serve a development chain around a test."""
    started: Future[Api] = Future()
    network = network or build_network(dev_genesis())

    async def work() -> None:
        with ChainStore(folder, network, map_bytes=1 << 30) as store:
            clock = DevClock()
            service = NodeService(network, store, clock)
            await service.start()
            miner = Miner(service, MiningPlan(), ALICE.key_hash) if has_miner else None
            dev = DevTools(service, clock) if has_dev else None
            tokens = TokenBook(folder)
            peers = PeerNetwork(service, load_node_key(folder), _ALONE)
            await peers.start()
            desk = PeerDesk(peers) if has_peers else None
            app = create_app(service, tokens=tokens, miner=miner, dev=dev, peering=desk, **options)
            server = await serve(app)
            api = Api(service, app, server, tokens)
            started.set_result(api)
            await api.closing.wait()
            await server.stop()
            if miner:
                miner.close()
            await peers.stop()
            await service.stop()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(work())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    api = started.result(WAIT_S)
    try:
        yield api
    finally:
        api.loop.call_soon_threadsafe(api.closing.set)
        thread.join(WAIT_S)
        assert not thread.is_alive(), "the server stops when asked"
