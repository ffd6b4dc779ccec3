"""Opens the source, and the file of recorded shapes, as every function does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from replant.config.connection_strings import SOURCE_VARIABLE, connection_string
from replant.config.recorded_shapes import Recorded, read_recorded
from replant.database.connections import DatabaseConnection, reading
from replant.model import RowSecurity, Settings


def recorded_shapes(settings: Settings) -> Recorded | None:
    """Read what was recorded of the tables, if anything was."""
    file = Path(settings.recorded)
    return read_recorded(file) if file.exists() else None


@contextmanager
def source_database(settings: Settings) -> Iterator[DatabaseConnection]:
    """Open the source in one snapshot."""
    dsn = connection_string(settings.source, SOURCE_VARIABLE)
    fail = settings.export.row_security is RowSecurity.FAIL
    with reading(dsn, "source", hidden_rows_fail=fail) as database:
        yield database


def known_source(settings: Settings) -> str | None:
    """Return the source's connection string, if anything but libpq's own variables says it."""
    return connection_string(settings.source, SOURCE_VARIABLE) or None
