"""What answers programs: each a few lines over selectors, services and the coordinator."""

from __future__ import annotations

import os

import msgspec

from chaindeck.control import wiring
from chaindeck.control.api import standing
from chaindeck.control.api.forms import (
    ActivityAnswer,
    ActivityRow,
    Done,
    HealthAnswer,
    NodeRow,
    NodesAnswer,
    OrderAnswer,
    StatsAnswer,
    StatusAnswer,
    TokenMade,
    TokenRow,
    TokensAnswer,
)
from chaindeck.control.api.routes import Asked
from chaindeck.control.people import tokens
from chaindeck.control.people.reports import report
from chaindeck.control.people.signing import person_of
from chaindeck.control.rights import role_of, role_of_token, token_of
from chaindeck.records.errors import RecordUnknown
from chaindeck.records.models.people import Role
from chaindeck.records.selectors.activity import activity_page
from chaindeck.records.selectors.standing import node_find, nodes_all
from chaindeck.rpc.forms import ControlNodeRequest

_DAY_S = 86_400
_LAST_ID = 2**63


def health(_: Asked) -> HealthAnswer:
    return HealthAnswer(ok=True, instance=wiring.instance(), pid=os.getpid())


def get_status(_: Asked) -> StatusAnswer:
    return standing.status()


def get_stats(_: Asked) -> StatsAnswer:
    return standing.stats()


def get_activities(asked: Asked) -> ActivityAnswer:
    page = activity_page(**msgspec.structs.asdict(asked.query))
    return ActivityAnswer(msgspec.convert(page.rows, list[ActivityRow]), page.cursor)


def get_nodes(_: Asked) -> NodesAnswer:
    return NodesAnswer(msgspec.convert(nodes_all(), list[NodeRow]))


def get_node(asked: Asked) -> NodeRow:
    row = node_find(asked.argument)
    if row is None:
        raise RecordUnknown(kind="node", name=asked.argument[:80], field="name")
    return msgspec.convert(row, NodeRow)


def order_node(asked: Asked) -> OrderAnswer:
    """Have the coordinator do it; who asked for it is written down beside what became of it."""
    order = asked.body
    person = person_of(asked.request)
    text = f"asked for {order.action} at {asked.argument[:80]}"
    report(asked.request, "node-ordered", text, user=person.username)
    form = ControlNodeRequest(node=asked.argument, **msgspec.structs.asdict(order))
    reply = wiring.ask(lambda client: client.control_node(form))
    return OrderAnswer(reply.node, reply.action, reply.detail, reply.hashes)


def get_tokens(asked: Asked) -> TokensAnswer:
    rows = tokens.seen_by(person_of(asked.request), _role(asked))
    return TokensAnswer(msgspec.convert(rows, list[TokenRow]))


def make_token(asked: Asked) -> TokenMade:
    wanted = asked.body
    lasts_s = None if wanted.days is None else wanted.days * _DAY_S
    token, text = tokens.make(asked.request, _role(asked), wanted.name, wanted.scope, lasts_s)
    return TokenMade(token.pk, text)


def revoke_token(asked: Asked) -> Done:
    number = int(asked.argument) if asked.argument.isascii() and asked.argument.isdigit() else 0
    if not 0 < number < _LAST_ID:
        raise RecordUnknown(kind="token", name=asked.argument[:20], field="id")
    tokens.take_away(asked.request, _role(asked), number)
    return Done()


def _role(asked: Asked) -> Role:
    """Return the role in which somebody asks, which a token may make less than their own."""
    token = token_of(asked.request)
    role = role_of(person_of(asked.request)) if token is None else role_of_token(token)
    assert role is not None, "the table of rights let nobody in without"
    return role
