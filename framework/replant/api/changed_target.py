"""Opens an artifact together with the target whose rows are changed by it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from replant.artifact.artifact import Artifact
from replant.artifact.other_schemas import open_in_schemas
from replant.changes.change_rows import changing, looking
from replant.config.connection_strings import TARGET_VARIABLE, connection_string
from replant.database.connections import DatabaseConnection
from replant.matching.met_artifact import meet
from replant.model import Settings


@contextmanager
def changed_target(
    artifact: str, settings: Settings, *, strict: bool = True
) -> Iterator[tuple[DatabaseConnection, Artifact]]:
    """Open a transaction on the target, and the artifact with the keys that rows have there.

    Args:
        artifact: the path of the artifact.
        settings: say where the target is, and by which columns rows are met.
        strict: as for `meet`.

    Raises:
        ReplantError: see `replant.errors`. Then the target is as it was.

    """
    dsn = connection_string(settings.target, TARGET_VARIABLE)
    with (
        open_in_schemas(artifact, settings.map_schema) as exported,
        changing(dsn, settings.target_settings) as database,
    ):
        with looking(database):
            met = meet(database, exported, settings, strict=strict)
        yield database, met
