"""The hooks: what the entry point `notes` leads to.

replant asks them while it plans an export, and never once per row.
"""

from __future__ import annotations

from collections.abc import Sequence

from replant import (
    ByColumn,
    Column,
    PythonFunction,
    PythonRow,
    Registration,
    SqlExpression,
    Table,
    ThroughForeignKey,
    WhereReferenced,
    hookimpl,
)
from replant_notes import jsonl, masking

SCHEMA = "notes"

#: What `render_row` is asked for.
FORMATS = ("jsonl",)

#: The scope value that says whose rows are exported: `--scope workspace_id=…`.
SCOPE = "workspace_id"


@hookimpl
def register_tables() -> Sequence[Registration]:
    """All four tables, each with another way to say which of its rows belong to a workspace."""
    return [
        Registration("notes.workspace", rows=ByColumn("id", scope=SCOPE)),
        Registration(
            "notes.note",
            rows=ByColumn("workspace_id", scope=SCOPE),
            # If the database has another table than this, `replant drift` says how it differs.
            shape="""
                id bigint not null generated always as identity
                workspace_id uuid not null
                parent_id bigint
                author_email text
                title text not null
                body text
                pinned boolean not null
                words integer generated
            """,
        ),
        Registration("notes.note_tag", rows=ThroughForeignKey(("note_id",))),
        Registration("notes.tag", rows=WhereReferenced()),
    ]


@hookimpl
def transform_value(table: Table, column: Column) -> SqlExpression | PythonFunction | None:
    """Mask addresses on the server, and telephone numbers in Python."""
    if table.name.schema != SCHEMA:
        return None
    if column.name.endswith("email"):
        return SqlExpression(masking.MASKED_ADDRESS)
    if column.name == "body":
        return PythonFunction(masking.without_telephone_numbers)
    return None


@hookimpl
def render_row(
    table: Table,
    columns: Sequence[Column],
) -> PythonRow:
    """The format `jsonl`: a JSON object for each row, on a line of its own.

    It is rendered in Python, since the server cannot know what Python makes of a note's body.
    """
    return PythonRow(jsonl.renderer(str(table.name), columns))
