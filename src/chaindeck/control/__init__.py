"""The web: pages and APIs, a skin over records and the coordinator.

It knows no node's socket and no file of another part: what is remembered it reads through
`chaindeck.records`, what is alive it hears from the coordinator through `chaindeck.rpc`. Read it in
this order:

* `setup`: what Django is told. `process`: the web as a process. `asgi`: who answers which request.
* `rights`: who may what, one line for each address; what has no line is refused.
* `people`: signing in, profiles, tokens. `pages`: what people see. `api`: what programs ask.
* `live`: the channel over which open pages hear what happens.
* `assets`: what `frontend/` was built to, served from memory.
"""
