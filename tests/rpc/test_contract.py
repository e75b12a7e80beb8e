"""The contract: every method has a right, forms fit their messages, generated code is current."""

import subprocess
import sys

import hypothesis
import msgspec
import pytest
from google.protobuf.message import DecodeError
from hypothesis import strategies

from chaindeck.rpc import forms
from chaindeck.rpc.contract import METHODS, RIGHTS, deadline_cap_s
from chaindeck.rpc.errors import RequestInvalid
from chaindeck.rpc.generated import chaindeck_pb2
from chaindeck.rpc.limits import CALL_DEADLINE_S, MAX_DEADLINE_S
from chaindeck.rpc.packing import read_message, write_message
from tests.meta.tree import ROOT
from tests.rpc.desks import EVENT, SAMPLES

DESCRIBED = [
    (f"/{service.full_name}/{method.name}", method)
    for service in chaindeck_pb2.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


@pytest.mark.parametrize(("path", "descriptor"), DESCRIBED, ids=[path for path, _ in DESCRIBED])
def test_every_method_of_the_contract_has_a_line_and_a_right(path, descriptor):
    method = METHODS[path]
    assert RIGHTS[path] == method.right
    assert method.is_stream == descriptor.server_streaming
    assert method.is_idempotent == (method.right != "control")
    assert method.request_class().DESCRIPTOR is descriptor.input_type
    assert method.reply_class().DESCRIPTOR is descriptor.output_type


def test_no_line_is_for_a_method_that_is_not_there():
    assert set(METHODS) == {path for path, _ in DESCRIBED}


@pytest.mark.parametrize("path", METHODS)
def test_forms_have_the_fields_of_their_messages(path):
    method = METHODS[path]
    for form, message in (
        (method.request, method.request_class()),
        (method.reply, method.reply_class()),
    ):
        expected = {field.name.removesuffix("_json") for field in message.DESCRIPTOR.fields}
        assert {field.name for field in msgspec.structs.fields(form)} == expected


@pytest.mark.parametrize("path", [path for path in METHODS if METHODS[path].handler in SAMPLES])
def test_answer_survives_the_line(path):
    method = METHODS[path]
    sample = SAMPLES[method.handler]
    message = write_message(sample, method.reply_class())
    again = method.reply_class().FromString(message.SerializeToString())
    assert read_message(again, method.reply) == sample


def test_events_survive_the_line_with_their_data():
    reply = forms.StreamEventsReply(batch=forms.EventBatch(events=(EVENT,)))
    message = write_message(reply, chaindeck_pb2.StreamEventsReply)
    assert read_message(message, forms.StreamEventsReply) == reply


def test_place_of_a_reader_may_be_zero_or_missing():
    for since in (None, 0, 5):
        form = forms.StreamEventsRequest(epoch="e", since=since, topics=("node",))
        message = write_message(form, chaindeck_pb2.StreamEventsRequest)
        assert read_message(message, forms.StreamEventsRequest) == form


@pytest.mark.parametrize("data", [b"{", b"[1]", b"\xff"])
def test_data_that_is_no_json_object_is_refused(data):
    message = chaindeck_pb2.ReportEventRequest(report_id="a" * 8, data_json=data)
    with pytest.raises(RequestInvalid):
        read_message(message, forms.ReportEventRequest)


def test_no_server_works_longer_than_its_cap():
    caps = {deadline_cap_s(path) for path in RIGHTS}
    assert max(caps) <= MAX_DEADLINE_S
    assert deadline_cap_s("/grpc.health.v1.Health/Check") == CALL_DEADLINE_S


def test_generated_code_is_current():
    command = [sys.executable, "-m", "tools.rpc_code", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", METHODS)
@hypothesis.given(raw=strategies.binary(max_size=80))
def test_bytes_of_a_stranger_are_a_request_or_refused(path, raw):
    method = METHODS[path]
    try:
        message = method.request_class().FromString(raw)
    except DecodeError:
        return
    try:
        form = read_message(message, method.request)
    except RequestInvalid:
        return
    again = write_message(form, method.request_class())
    assert read_message(again, method.request) == form
