"""Serves a desk: an object with one plain method for each method of a service.

The desk takes and returns the values of `forms`; a stream is an asynchronous generator. Health of
each component and reflection are served beside it. On a socket only the owner of the home can
connect; anywhere else both ends show certificates.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any, Self

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from chaindeck.rpc.access import RpcAccess
from chaindeck.rpc.contract import ALL_RIGHTS, METHODS, Method
from chaindeck.rpc.errors import AddressTaken
from chaindeck.rpc.gate import Gate
from chaindeck.rpc.limits import (
    KEEPALIVE_MS,
    KEEPALIVE_TIMEOUT_MS,
    MAX_CALLS,
    MAX_MESSAGE_BYTES,
    MAX_STREAMS,
    STOP_GRACE_S,
)
from chaindeck.rpc.packing import read_message, write_message

_HEALTH = "grpc.health.v1.Health"
_PRIVATE_UMASK, _PRIVATE_MODE = 0o177, 0o600
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_MS // 2),
    # Two servers at one port would each answer half of the calls.
    ("grpc.so_reuseport", 0),
)


class RpcServer:
    """One service at one address, from `start` to `stop`."""

    def __init__(self, server: aio.Server, health: health_aio.HealthServicer, address: str) -> None:
        self._server = server
        self._health = health
        self.address = address

    @classmethod
    async def start(
        cls,
        service: str,
        desk: object,
        access: RpcAccess,
        *,
        instance: str,
        gate: Gate | None = None,
    ) -> Self:
        """Listen and serve. Raises `AddressTaken`."""
        server = aio.server(
            interceptors=(gate or Gate({access.token: ALL_RIGHTS}, instance),),
            options=_OPTIONS,
            maximum_concurrent_rpcs=MAX_CALLS + MAX_STREAMS,
        )
        server.add_generic_rpc_handlers((_handlers(service, desk),))
        health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        reflection.enable_server_reflection((service, _HEALTH, reflection.SERVICE_NAME), server)
        address = _bind(server, access)
        await health.set(service, _SERVING)
        await server.start()
        return cls(server, health, address)

    async def set_health(self, component: str, *, is_serving: bool) -> None:
        """Tell how a component is; the empty name stands for the whole."""
        await self._health.set(component, _SERVING if is_serving else _NOT_SERVING)

    async def stop(self) -> None:
        """Say that this serves no longer, and end what is under way within `STOP_GRACE_S`."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(STOP_GRACE_S)
        _remove_socket(self.address)


def _handlers(service: str, desk: object) -> grpc.GenericRpcHandler:
    made = {
        path.rpartition("/")[2]: _stream(method, desk) if method.is_stream else _call(method, desk)
        for path, method in METHODS.items()
        if path.startswith(f"/{service}/")
    }
    return grpc.method_handlers_generic_handler(service, made)


def _call(method: Method, desk: object) -> grpc.RpcMethodHandler[Any, Any]:
    answer, reply_class = getattr(desk, method.handler), method.reply_class()

    async def run(request: Any, _: object) -> Any:  # noqa: ANN401 - messages of any kind
        return write_message(await answer(read_message(request, method.request)), reply_class)

    return grpc.unary_unary_rpc_method_handler(
        run, method.request_class().FromString, reply_class.SerializeToString
    )


def _stream(method: Method, desk: object) -> grpc.RpcMethodHandler[Any, Any]:
    answer, reply_class = getattr(desk, method.handler), method.reply_class()

    async def run(request: Any, context: Any) -> None:  # noqa: ANN401 - messages of any kind
        replies = answer(read_message(request, method.request))
        async with contextlib.aclosing(replies):
            async for reply in replies:
                await context.write(write_message(reply, reply_class))

    return grpc.unary_stream_rpc_method_handler(
        run, method.request_class().FromString, reply_class.SerializeToString
    )


def _bind(server: aio.Server, access: RpcAccess) -> str:
    """Take the address; return it, with the port that was taken."""
    if access.address.startswith("unix:"):
        _bind_socket(server, access.address)
        return access.address
    credentials = access.credentials
    assert credentials is not None, "an address beside a socket goes with certificates"
    assert credentials.server is not None, "who serves has a server's certificate"
    secure = grpc.ssl_server_credentials(
        [credentials.server], credentials.authority, require_client_auth=True
    )
    try:
        port = server.add_secure_port(access.address, secure)
    except RuntimeError:
        raise AddressTaken(address=access.address) from None
    return f"{access.address.rpartition(':')[0]}:{port}"


def _bind_socket(server: aio.Server, address: str) -> None:
    path = Path(address.removeprefix("unix:"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_stale(path)
    before = os.umask(_PRIVATE_UMASK)
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        raise AddressTaken(address=address) from None
    finally:
        os.umask(before)
    path.chmod(_PRIVATE_MODE)


def _remove_socket(address: str) -> None:
    if address.startswith("unix:"):
        Path(address.removeprefix("unix:")).unlink(missing_ok=True)


def _remove_stale(path: Path) -> None:
    """Remove the socket that a killed server left behind; one that answers is another's."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise AddressTaken(address=str(path))
