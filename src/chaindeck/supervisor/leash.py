"""Run as a script: puts this process on a leash, and becomes the command that follows.

`python leash.py PARENT COMMAND...`. From here on the process dies when its parent does. The leash
is kept by the kernel and survives `exec`; it is bound to the thread that forked, so the parent
starts children from its main thread only. It is put on here and not between fork and exec of the
parent, where a process with threads may run next to nothing. It imports nothing of ours: it costs
20 ms.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PARENT_GONE = 125


def main(arguments: list[str]) -> None:
    parent, *command = arguments
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != int(parent):
        # It died before the leash was on.
        sys.exit(_PARENT_GONE)
    try:
        os.execv(command[0], command)  # noqa: S606 - becoming the command is its whole purpose
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
