"""Writes what a command does as events, one JSON object a line, while it happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TextIO

from attrs import frozen


@frozen
class EventLog:
    """A stream of events; each has the time, its kind, and what belongs to the kind."""

    stream: TextIO

    def tell(self, event: str, **fields: Any) -> None:
        """Write an event."""
        told = {"time": now(), "event": event, **fields}
        self.stream.write(json.dumps(told, ensure_ascii=False) + "\n")
        self.stream.flush()


def now() -> str:
    """Return the time in UTC, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
