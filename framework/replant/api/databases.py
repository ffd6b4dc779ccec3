"""Opens source, target and the file of recorded shapes, as every function does."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from replant.config.connection_strings import (
    SOURCE_VARIABLE,
    TARGET_VARIABLE,
    connection_string,
    known_connection_string,
)
from replant.config.recorded_shapes import Recorded, read_recorded
from replant.database.connections import ReadingConnection, reading
from replant.model import RowSecurity, Settings


def recorded_shapes(settings: Settings) -> Recorded | None:
    """Read what was recorded of the tables, if anything was."""
    file = Path(settings.recorded)
    return read_recorded(file) if file.exists() else None


def source_database(
    settings: Settings, snapshot: str | None = None
) -> AbstractContextManager[ReadingConnection]:
    """Open the source in one snapshot: its own, or that of another session."""
    dsn = connection_string(settings.source, SOURCE_VARIABLE)
    fail = settings.export.row_security is RowSecurity.FAIL
    return reading(
        dsn,
        "source",
        hidden_rows_fail=fail,
        settings=settings.source_settings,
        snapshot=snapshot,
    )


def target_database(settings: Settings) -> AbstractContextManager[ReadingConnection]:
    """Open the target in one snapshot."""
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    return reading(dsn, "target", settings=settings.target_settings)


def known_source(settings: Settings) -> str | None:
    """Return the source's connection string, if anything but libpq's own variables says it."""
    return known_connection_string(settings.source, SOURCE_VARIABLE)
