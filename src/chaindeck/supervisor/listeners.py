"""Who listens at a port of this machine. Nobody is disturbed by the question."""

from __future__ import annotations

import contextlib
import errno
import socket

import psutil

from chaindeck.supervisor.identity import describe_process

_LOOPBACK = "127.0.0.1"


def is_held(port: int) -> bool:
    """Answer whether a program of ours could not listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do it, so that connections that were just closed do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
            # Two sockets may be bound with that option; only one of them may listen.
            probe.listen(1)
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def find_holder(port: int) -> int | None:
    """Return the pid of who listens at a port, None where that cannot be seen."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            # An address is a host and a port.
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,):
                return connection.pid
    return None


def describe_holder(port: int) -> str:
    """Return words for who holds a port that `is_held`."""
    return describe_process(find_holder(port))
