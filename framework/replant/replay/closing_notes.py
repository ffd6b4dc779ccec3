"""Collects what the target's server notes at the end of a load."""

from __future__ import annotations

import psycopg

from replant.database.connections import DatabaseConnection
from replant.model import Finding, RelationName, Severity, Subject, readable
from replant.sql.closing_checks import CHECK_FAILED


def collect_notes(database: DatabaseConnection) -> list[Finding]:
    """Return a list that each note of the checks at the end is added to, as it comes.

    Those of triggers and rules of the target are left out.
    """
    notes: list[Finding] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:
        if notice.sqlstate == CHECK_FAILED and notice.message_primary:
            notes.append(_finding(notice, notice.message_primary))

    database.add_notice_handler(note)
    return notes


def _finding(notice: psycopg.errors.Diagnostic, message: str) -> Finding:
    schema, table, column = notice.schema_name, notice.table_name, notice.column_name
    if not (schema and table and column):
        return Finding(Subject.UNSEEN, Severity.NOTE, "", message)
    return Finding(
        Subject.SEQUENCE,
        Severity.NOTE,
        f"{RelationName(schema, table)}.{readable(column)}",
        message,
        together="sequences were not moved past the new rows",
    )
