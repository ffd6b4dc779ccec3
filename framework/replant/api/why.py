"""Explains why rows are exported, or are not."""

from __future__ import annotations

from replant.api.databases import source_database
from replant.api.selected_tables import select_under_locks
from replant.artifact.artifact import open_artifact
from replant.config.naming_the_file import naming_the_file
from replant.database.session_settings import own_settings
from replant.database.table_locks import check_unchanged
from replant.explain.explanation import Explanation
from replant.explain.from_artifact import explain_in_artifact
from replant.explain.from_database import explain_in_database
from replant.model import Root, Settings
from replant.plugins.manager import Host


def why(settings: Settings, asked: Root, host: Host | None = None) -> Explanation:
    """Explain in the source why rows are exported, or are not.

    Args:
        settings: say which rows are exported.
        asked: the table, and an SQL predicate over its columns.
        host: the plugins to ask; None for those that the settings enable.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with naming_the_file(settings), source_database(settings) as database:
        host = host or Host.for_settings(settings)
        catalog, selected = select_under_locks(database, host, settings, asked.table)
        with own_settings(database):
            explanation = explain_in_database(database, catalog, selected, settings, asked)
        check_unchanged(database)
    return explanation


def why_in_artifact(artifact: str, asked: Root) -> Explanation:
    """Explain by the rows of an artifact why rows are in it; no database is asked.

    Args:
        artifact: its path.
        asked: the table, and `column = value`, or several of these joined by AND.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with open_artifact(artifact) as opened:
        return explain_in_artifact(opened, asked)
