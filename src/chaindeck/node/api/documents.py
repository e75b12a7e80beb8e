"""The API about itself: the OpenAPI document and the page for people."""

from __future__ import annotations

from chaindeck.node.api.context import Context
from chaindeck.node.api.forms import NoQuery
from chaindeck.node.api.page import page_headers
from chaindeck.node.api.requests import Request, Response


async def get_document(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    return Response(context.document)


async def get_page(context: Context, request: Request) -> Response:
    request.query(NoQuery)
    return Response(context.page, content_type=b"text/html; charset=utf-8", headers=page_headers())
