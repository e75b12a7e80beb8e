"""A served desk as its callers see it: answers, errors, bounds, sockets, certificates."""

import asyncio
import errno
import os
import socket
import stat
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chaindeck.ledger.errors import Truncated
from chaindeck.rpc import forms
from chaindeck.rpc.access import (
    RpcAccess,
    check_address,
    coordinator_access,
    load_secrets,
    socket_address,
    supervisor_access,
)
from chaindeck.rpc.channel import RpcChannel
from chaindeck.rpc.client import CoordinatorClient, SupervisorClient
from chaindeck.rpc.contract import ALL_RIGHTS, COORDINATOR, SUPERVISOR
from chaindeck.rpc.errors import (
    AddressInvalid,
    AddressTaken,
    PartRefused,
    PartTimeout,
    PartUnreachable,
    RequestInvalid,
    SecretsInvalid,
)
from chaindeck.rpc.gate import Gate
from chaindeck.rpc.limits import MAX_MESSAGE_BYTES
from chaindeck.rpc.server import RpcServer
from chaindeck.store.errors import DiskFull
from tests.rpc.desks import EVENT, INSTANCE, NODE, PART, SAMPLES, Desk, serving

REPORT = forms.ReportEventRequest(report_id="a" * 16, time_ms=1, action="sign-in", data={"a": [1]})


async def test_every_call_of_the_coordinator_is_answered(home):
    desk = Desk()
    desk.held.set()
    async with serving(home, desk) as (_, channel):
        client = CoordinatorClient(channel)
        assert await client.get_system_stats() == SAMPLES["get_system_stats"]
        assert await client.health_check("hub") == SAMPLES["health_check"]
        assert await client.list_executions(kind="x", limit=7) == SAMPLES["list_executions"]
        assert await client.get_execution("x1") == SAMPLES["get_execution"]
        assert await client.report_event(REPORT)
        assert await client.list_nodes() == (NODE,)
        order = forms.ControlNodeRequest(node="node-1", action="mine", blocks=2)
        assert await client.control_node(order) == SAMPLES["control_node"]
        assert await client.get_snapshot(["node"]) == SAMPLES["get_snapshot"]
        found = await client.find_transaction("ab" * 32, with_proof=True)
        assert found == SAMPLES["find_transaction"]
    assert ("report_event", REPORT) in desk.asked
    assert ("control_node", order) in desk.asked
    form = forms.FindTransactionRequest(id="ab" * 32, with_proof=True)
    assert ("find_transaction", form) in desk.asked
    assert ("get_snapshot", forms.GetSnapshotRequest(topics=("node",))) in desk.asked


async def test_every_call_of_the_supervisor_is_answered(home):
    desk = Desk()
    async with serving(home, desk, SUPERVISOR) as (_, channel):
        client = SupervisorClient(channel)
        assert (await client.get_state()).parts == (PART,)
        for ask in (client.start_part, client.stop_part, client.restart_part, client.remove_node):
            assert await ask("web") == PART
        assert await client.add_node(api_port=8090) == PART
        await client.shutdown()
        told = [item async for item in client.stream_notifications(3)]
        assert told == [SAMPLES["stream_notifications"]]
    names = [name for name, _ in desk.asked]
    assert names == [
        *("get_state", "start_part", "stop_part", "restart_part", "remove_node", "add_node"),
        "shutdown",
    ]


@pytest.mark.parametrize(
    ("trouble", "code", "status"),
    [
        (RequestInvalid(reason="no", field="limit"), "rpc-request", "INVALID_ARGUMENT"),
        (Truncated(offset=3), "encoding-truncated", "INVALID_ARGUMENT"),
        (DiskFull(path="x"), "store-disk-full", "UNAVAILABLE"),
        (SecretsInvalid(path="x", reason="y"), "rpc-secrets", "FAILED_PRECONDITION"),
    ],
)
async def test_expected_trouble_travels_with_its_code(home, trouble, code, status):
    desk = Desk()
    desk.trouble = trouble
    async with serving(home, desk) as (_, channel):
        with pytest.raises(PartRefused) as failure:
            await CoordinatorClient(channel).list_nodes()
        stream = channel.stream(f"/{COORDINATOR}/StreamEvents", forms.StreamEventsRequest())
        with pytest.raises(PartRefused) as broken:
            await anext(stream)
    for error in (failure.value, broken.value):
        assert (error.code, error.status, error.text) == (code, status, str(trouble))
        assert error.field == trouble.field


async def test_fault_tells_nothing_but_an_id(home, caplog):
    desk = Desk()
    desk.trouble = ValueError("the password is swordfish")
    async with serving(home, desk) as (_, channel):
        with pytest.raises(PartRefused) as failure:
            await CoordinatorClient(channel).list_nodes()
    assert failure.value.code == "rpc-fault"
    assert failure.value.status == "INTERNAL"
    assert "swordfish" not in str(failure.value)
    assert "swordfish" in caplog.text


async def test_call_that_takes_too_long_is_ended_by_the_server(home):
    gate = Gate({coordinator_access(home).token: ALL_RIGHTS}, INSTANCE, cap_s=lambda _: 0.05)
    async with serving(home, Desk(), gate=gate) as (_, channel):
        with pytest.raises(PartRefused) as failure:
            await CoordinatorClient(channel).health_check()
    assert failure.value.code == "rpc-deadline"


async def test_client_gives_up_in_its_own_time(home):
    async with serving(home, Desk()) as (_, channel):
        path = f"/{COORDINATOR}/HealthCheck"
        with pytest.raises(PartTimeout):
            await channel.ask(path, forms.HealthCheckRequest(), forms.HealthReport, deadline_s=0.1)


async def test_calls_and_streams_past_the_bound_are_refused_and_later_taken(home):
    desk = Desk()
    desk.replies = [forms.StreamEventsReply(heartbeat=forms.Heartbeat(time_ms=1, last_seq=0))]
    tokens = {coordinator_access(home).token: ALL_RIGHTS}
    gate = Gate(tokens, INSTANCE, max_calls=1, max_streams=1)
    async with serving(home, desk, gate=gate) as (_, channel):
        client = CoordinatorClient(channel)
        first = asyncio.create_task(client.health_check())
        stream = channel.stream(f"/{COORDINATOR}/StreamEvents", forms.StreamEventsRequest())
        await anext(stream)
        await desk.waiting.wait()
        with pytest.raises(PartRefused) as busy:
            await client.list_nodes()
        assert (busy.value.code, busy.value.status) == ("rpc-busy", "RESOURCE_EXHAUSTED")
        second = channel.stream(f"/{COORDINATOR}/StreamEvents", forms.StreamEventsRequest())
        with pytest.raises(PartRefused, match="1 streams"):
            await anext(second)
        desk.held.set()
        await first
        assert await client.list_nodes() == (NODE,)
        assert [reply async for reply in stream] == []
        again = channel.stream(f"/{COORDINATOR}/StreamEvents", forms.StreamEventsRequest())
        assert len([reply async for reply in again]) == 1


async def test_message_that_is_too_large_is_refused(home):
    async with serving(home, Desk()) as (_, channel):
        form = forms.GetExecutionRequest(id="x" * (MAX_MESSAGE_BYTES + 1))
        with pytest.raises(PartRefused) as failure:
            await channel.ask(f"/{COORDINATOR}/GetExecution", form, forms.Execution)
        assert failure.value.status == "RESOURCE_EXHAUSTED"


async def test_health_is_told_for_each_component(home):
    async with serving(home, Desk()) as (server, channel):
        assert (await channel.check_health()).is_serving
        assert (await channel.check_health(COORDINATOR)).is_serving
        await server.set_health("hub", is_serving=False)
        assert not (await channel.check_health("hub")).is_serving
        with pytest.raises(PartRefused) as failure:
            await channel.check_health("nothing")
        assert failure.value.status == "NOT_FOUND"


async def test_reflection_names_the_services(home):
    async with serving(home, Desk()) as (server, _):
        channel = aio.insecure_channel(server.address)
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        metadata = (("authorization", f"Bearer {coordinator_access(home).token}"),)
        answers = [item async for item in stub.ServerReflectionInfo(asked, metadata=metadata)]
        names = {item.name for item in answers[0].list_services_response.service}
        assert {COORDINATOR, "grpc.health.v1.Health"} <= names
        await channel.close()


async def test_socket_is_for_its_owner_alone_and_goes_with_its_server(home):
    async with serving(home, Desk()):
        path = home / "coordinator" / "grpc.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_stale_socket_is_taken_over_and_a_live_one_is_not(home):
    path = home / "coordinator" / "grpc.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(home, Desk()) as (_, channel):
        assert (await channel.check_health()).is_serving
        with pytest.raises(AddressTaken):
            await RpcServer.start(COORDINATOR, Desk(), coordinator_access(home), instance="2")
        assert (await channel.check_health()).instance == INSTANCE


async def test_answer_comes_after_the_server_came_back(home):
    access = coordinator_access(home)
    async with RpcChannel(access) as channel:
        with pytest.raises(PartUnreachable):
            await channel.check_health()
        asking = asyncio.create_task(CoordinatorClient(channel).list_nodes())
        await asyncio.sleep(0)
        server = await RpcServer.start(COORDINATOR, Desk(), access, instance="2")
        assert await asking == (NODE,)
        await server.stop()


async def test_order_is_not_sent_twice(home):
    async with RpcChannel(coordinator_access(home)) as channel:
        order = forms.ControlNodeRequest(node="node-1", action="mine")
        with pytest.raises(PartUnreachable):
            await CoordinatorClient(channel).control_node(order)


async def test_other_machine_is_reached_with_certificates_alone(home):
    access = coordinator_access(home, "127.0.0.1:0")
    server = await RpcServer.start(COORDINATOR, Desk(), access, instance=INSTANCE)
    there = RpcAccess(address=server.address, token=access.token, credentials=access.credentials)
    async with RpcChannel(there) as channel:
        assert (await channel.check_health()).instance == INSTANCE
        assert await CoordinatorClient(channel).list_nodes() == (NODE,)
    without = grpc.ssl_channel_credentials(access.credentials.authority)
    async with aio.secure_channel(server.address, without) as nobody:
        call: Any = nobody.unary_unary(f"/{COORDINATOR}/ListNodes")
        with pytest.raises(aio.AioRpcError) as failure:
            await call(b"", timeout=3)
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    with pytest.raises(AddressTaken):
        await RpcServer.start(COORDINATOR, Desk(), there, instance="2")
    await server.stop()
    assert "Credentials" in repr(access.credentials)
    assert access.token not in repr(access)


def test_certificate_of_another_host_is_refused(home):
    coordinator_access(home, "ops.example.org:1")
    with pytest.raises(AddressInvalid, match="another"):
        coordinator_access(home, "10.0.0.5:1")


@pytest.mark.parametrize("text", ["", "host", "host:", "host:70000", "ho st:1", "unix:/x"])
def test_address_that_cannot_be_one_is_refused(text):
    with pytest.raises(AddressInvalid):
        check_address(text)


def test_address_tells_its_host():
    assert check_address("[fd00::7]:8443") == "fd00::7"
    assert check_address("ops.example.org:65535") == "ops.example.org"


def test_path_of_a_socket_has_a_length(tmp_path):
    fits = tmp_path / ("x" * (107 - len(str(tmp_path)) - 1))
    assert socket_address(fits) == f"unix:{fits}"
    with pytest.raises(AddressInvalid, match="107"):
        socket_address(fits.with_name(fits.name + "x"))


def test_secrets_are_made_once_for_their_owner_alone(home):
    first = load_secrets(home)
    assert load_secrets(home) == first
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600
    assert len({first.web_secret, first.grpc_token, first.wallet_password}) == 3
    assert first.grpc_token not in repr(first)
    assert supervisor_access(home).token == first.grpc_token


def test_secrets_are_read_where_nothing_can_be_written(home, monkeypatch):
    made = load_secrets(home)

    def refuse(*_more, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        assert load_secrets(home) == made


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"grpc_token": "x", "web_secret": "", "wallet_password": ""}']
)
def test_secrets_that_are_none_are_refused(home, text):
    (home / "secrets.json").write_text(text)
    with pytest.raises(SecretsInvalid):
        load_secrets(home)


async def test_events_arrive_with_their_data(home):
    desk = Desk()
    desk.replies = [forms.StreamEventsReply(batch=forms.EventBatch(events=(EVENT,)))]
    desk.held.set()
    async with serving(home, desk) as (_, channel):
        stream = channel.stream(f"/{COORDINATOR}/StreamEvents", forms.StreamEventsRequest(since=0))
        assert [reply async for reply in stream] == desk.replies
    assert desk.asked == [("stream_events", forms.StreamEventsRequest(since=0))]
