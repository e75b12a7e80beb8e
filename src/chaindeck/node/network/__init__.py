"""The network side of a node: sockets for `protocol.Machine`, and nothing that decides.

`keeper` is a node's part in its network; `driver` carries out what one machine wants and tells it
what happened, `judging` asks the chain about what peers sent. `doors`, `sockets`, `tls` and
`multicast` move bytes; `identity` keeps the node's key, `peers_file` whom it knew, `capture` what
its machine went through; `names` turns what people write into addresses; `desk` and `news` describe
all of it.
"""

from chaindeck.node.network.keeper import NetworkOptions, PeerNetwork

__all__ = ["NetworkOptions", "PeerNetwork"]
