"""Says of each connection to whom it leads: which server, which database, as which role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from attrs import frozen


@frozen
class ConnectionFacts:
    """Where a connection leads, and as whom. A password is not part of it.

    Attributes:
        side: `source` or `target`.
        host: a name, an address, or the folder of a socket.
        version: the server's, `18.6`.

    """

    side: str
    host: str
    port: int
    database: str
    user: str
    version: str


Listener = Callable[[ConnectionFacts], None]

_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def told_of_connections(listener: Listener) -> Iterator[None]:
    """Tell `listener` of each connection that this thread opens inside the block."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell_of_connection(connection: psycopg.Connection[Any], side: str) -> None:
    """Tell whoever listens of a connection that was opened."""
    listener = _LISTENER.get()
    if listener is not None:
        info = connection.info
        version = (info.parameter_status("server_version") or "").split(" ")[0]
        listener(ConnectionFacts(side, info.host, info.port, info.dbname, info.user, version))
