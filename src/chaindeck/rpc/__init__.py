"""The contract between the control room, the coordinator and the supervisor, over gRPC.

It knows messages, rights and deadlines, and neither records nor what a coordinator does. Read on:

* `chaindeck.proto`, `generated`: the messages and services, and Python's view of them.
* `errors`, `limits`: what can go wrong, and the numbers.
* `forms`: every message as a frozen value; `packing` goes from one to the other.
* `contract`: each method with its right, its deadline and whether it may be asked twice.
* `access`, `certificates`: which address, which token, and mutual TLS for another machine's.
* `gate`, `server`: who is let in, and how a desk of plain methods is served.
* `channel`, `client`, `following`: one line to a server, typed calls, a stream
  that survives breaks.
"""
