"""Who may call: each method of the contract with no token, a wrong one, one right and another."""

from typing import Any

import grpc
import pytest
from grpc import aio

from chaindeck.rpc.access import coordinator_access
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.contract import COORDINATOR, METHODS, RIGHTS, SUPERVISOR
from chaindeck.rpc.errors import MethodRefused, PartRefused, RightMissing, TokenRefused
from chaindeck.rpc.gate import CODE_KEY, Gate
from tests.rpc.desks import INSTANCE, Desk, serving, with_token

OTHER = {"read": "control", "report": "read", "control": "report"}


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


@pytest.mark.parametrize("path", RIGHTS)
def test_method_is_open_to_its_right_alone(path):
    right = RIGHTS[path]
    gate = Gate({"good": frozenset({right}), "other": frozenset({OTHER[right]})}, INSTANCE)
    gate.check(path, bearer("good"))
    with pytest.raises(RightMissing):
        gate.check(path, bearer("other"))
    for metadata in ((), bearer("wrong"), bearer(""), (("authorization", "good"),), None):
        with pytest.raises(TokenRefused):
            gate.check(path, metadata)


def test_method_without_a_line_is_refused_with_every_right():
    gate = Gate({"good": frozenset({"read", "report", "control"})}, INSTANCE)
    with pytest.raises(MethodRefused):
        gate.check("/chaindeck.v1.Coordinator/FormatDisk", bearer("good"))


def test_method_that_lost_its_line_is_refused(monkeypatch):
    path = f"/{COORDINATOR}/ListNodes"
    gate = Gate({"good": frozenset({"read"})}, INSTANCE)
    gate.check(path, bearer("good"))
    monkeypatch.delitem(RIGHTS, path)
    with pytest.raises(MethodRefused):
        gate.check(path, bearer("good"))


@pytest.mark.parametrize("service", [COORDINATOR, SUPERVISOR])
async def test_every_method_refuses_a_stranger_on_the_wire(home, service):
    desk = Desk()
    async with serving(home, desk, service) as (server, _):
        channel = aio.insecure_channel(server.address)
        for token in (None, "wrong"):
            for path in [*METHODS, *RIGHTS, "/chaindeck.v1.Coordinator/FormatDisk"]:
                metadata = bearer(token) if token else ()
                call: Any = channel.unary_stream(path)(b"", metadata=metadata, timeout=5)
                with pytest.raises(aio.AioRpcError) as failure:
                    await call.read()
                assert failure.value.code() is grpc.StatusCode.UNAUTHENTICATED, path
                assert dict(failure.value.trailing_metadata())[CODE_KEY] == "rpc-token"
        await channel.close()
    assert desk.asked == []


async def test_unknown_method_is_refused_to_the_owner_too(home):
    async with serving(home, Desk()) as (server, _):
        channel = aio.insecure_channel(server.address)
        token = coordinator_access(home).token
        call: Any = channel.unary_unary("/chaindeck.v1.Coordinator/FormatDisk")
        with pytest.raises(aio.AioRpcError) as failure:
            await call(b"", metadata=bearer(token), timeout=5)
        assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert dict(failure.value.trailing_metadata())[CODE_KEY] == "rpc-method"
        await channel.close()


async def test_token_is_looked_at_on_each_call(home):
    async with serving(home, Desk()) as (_, channel):
        assert (await channel.check_health()).instance == INSTANCE
        async with RpcChannel(with_token(coordinator_access(home), "x" * 40)) as stranger:
            with pytest.raises(PartRefused, match=r"secrets\.json") as failure:
                await stranger.check_health()
            assert failure.value.code == "rpc-token"
