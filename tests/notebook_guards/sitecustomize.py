"""Python imports this at its start wherever this folder is on PYTHONPATH: no connection leaves the machine."""

import os
import sys
from typing import Any

LOOPBACK = ("localhost", "127.", "::1")


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path or nothing: this machine
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if host and not host.startswith(LOOPBACK):
        raise OSError(f"a connection to {host} was refused: the notebooks run without a network")


# Where it finds this, a kernel lets the output of the processes that it starts pass by unseen, which no reader's does.
os.environ.pop("PYTEST_CURRENT_TEST", None)
sys.addaudithook(refuse)
