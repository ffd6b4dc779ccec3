"""A source with two workspaces, and a target with none."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from replant_notes.schema import deploy

from replant import ExportSettings, PluginSettings, Settings
from replant.testing.pytest_plugin import DatabaseFrom

ACME = "0a0a0a0a-0000-4000-8000-00000000000a"
BOLT = "0b0b0b0b-0000-4000-8000-00000000000b"

ROWS = f"""
INSERT INTO notes.workspace (id, name, owner_email) VALUES
    ('{ACME}', 'Acme', 'Ada@Acme.test'), ('{BOLT}', 'Bolt', 'bob@bolt.test');
INSERT INTO notes.note (id, workspace_id, parent_id, author_email, title, body, pinned)
OVERRIDING SYSTEM VALUE VALUES
    (10, '{ACME}', 11, 'ada@acme.test', 'Answer', 'Call +49 30 1234567, or write', true),
    (11, '{ACME}', NULL, 'eve@acme.test', 'Question', E'Two\\nlines, in 2 parts', false),
    (12, '{ACME}', 11, NULL, 'It''s empty', NULL, false),
    (20, '{BOLT}', NULL, 'bob@bolt.test', 'Secret of Bolt', 'Call 030-7654321', false);
INSERT INTO notes.tag VALUES (1, 'both'), (2, 'only Acme'), (3, 'only Bolt'), (4, 'nobody');
INSERT INTO notes.note_tag VALUES (10, 1), (11, 2), (20, 1), (20, 3);
"""


def deploy_with_rows(connection: psycopg.Connection[Any]) -> None:
    """The schema with both workspaces."""
    deploy(connection)
    connection.execute(ROWS.encode())


@pytest.fixture
def settings(replant_database_from: DatabaseFrom, tmp_path: object) -> Settings:
    """Acme, from a database with both workspaces to one with the tables and no rows."""
    source, target = replant_database_from(deploy_with_rows), replant_database_from(deploy)
    return Settings(
        source=source.dsn,
        target=target.dsn,
        scope={"workspace_id": ACME},
        export=ExportSettings(output=f"{tmp_path}/acme"),
        plugins=PluginSettings(enable=("notes", "ordered")),
    )
