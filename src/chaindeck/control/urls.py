"""Every address of the control room. Its right stands under the same name in `rights`."""

from __future__ import annotations

from django.urls import path

from chaindeck.control.api import table
from chaindeck.control.pages import (
    about,
    addresses,
    chain,
    design,
    failures,
    mempool,
    network,
    overview,
    search,
    transactions,
)
from chaindeck.control.people import naming, profile, signing, tokens, users

urlpatterns = [
    path("sign-in", signing.sign_in, name="sign-in"),
    path("sign-out", signing.sign_out, name="sign-out"),
    path("new-password", signing.new_password, name="new-password"),
    path("profile", profile.profile, name="profile"),
    path("profile/theme", profile.set_theme, name="theme"),
    path("profile/end-session", profile.end_session, name="session-end"),
    path("profile/end-others", profile.end_other_sessions, name="sessions-end"),
    path("tokens", tokens.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke", tokens.revoke, name="token-revoke"),
    path("people", users.people, name="people"),
    path("people/<int:person_id>/role", users.set_role, name="person-role"),
    path("people/<int:person_id>/active", users.set_active, name="person-active"),
    path("people/<int:person_id>/reset", users.reset, name="person-reset"),
    path("api/docs", table.docs, name="api-docs"),
    path("chat", table.docs, name="chat"),
    *table.url_patterns(),
    path("", overview.show, name="overview"),
    path("dashboard/", overview.show, name="dashboard"),
    path("chain/", chain.blocks, name="blocks"),
    path("block/<str:which>", chain.block, name="block"),
    path("tx/<str:tx_id>", transactions.show, name="transaction"),
    path("tx/<str:tx_id>/raw.json", transactions.raw, name="transaction-raw"),
    path("tx/<str:tx_id>/proof.json", transactions.proof, name="transaction-proof"),
    path("address/<str:address>", addresses.show, name="address"),
    path("address/<str:address>/history.csv", addresses.export, name="address-csv"),
    path("address/<str:address>/label", naming.name_address, name="address-label"),
    path("mempool", mempool.show, name="mempool"),
    path("network/", network.show, name="network"),
    path("nodes/<str:name>", network.node, name="node"),
    path("search", search.show, name="search"),
    path("about", about.show, name="about"),
    path("design", design.show, name="design"),
]

handler400 = failures.bad_request
handler403 = failures.forbidden
handler404 = failures.not_found
handler500 = failures.broken
