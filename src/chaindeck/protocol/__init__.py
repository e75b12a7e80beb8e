"""How nodes talk: handshake, relay, sync and discovery as one pure machine, without a socket.

    machine = Machine(settings, chain)
    effects = machine.step(now_ms, BytesReceived(link, data))

A driver (`node` with asyncio, `simulate` with an event heap) turns what happens into `inputs`, and
carries out the `effects` that come back; it holds no rule. The machine reads no clock, socket, file
or random source of its own, never raises on what a peer sent, and does the same for the same input.

Read on in this order: `messages` (what is said), `inputs`, `effects` and `ports` (the border),
`transitions` (what a link may say when), `machine` (who hears what), then one module for each
concern: `handshake`, `links`, `topology`, `book`, `discovery`, `payments`, `blocks`, `sync`.
Every number is in `limits`, every fault in `errors`. docs/protocol.md is the contract.
"""
