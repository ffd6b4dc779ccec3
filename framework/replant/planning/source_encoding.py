"""Refuses text of which the source does not know the encoding, and which is not UTF-8."""

from __future__ import annotations

from psycopg.errors import CharacterNotInRepertoire

from replant.database.connections import DatabaseConnection
from replant.errors import DatabaseError
from replant.model import Plan
from replant.sql import row_queries as queries
from replant.sql.row_forms import INSERT_ROWS


def check_encoding(database: DatabaseConnection, plan: Plan) -> None:
    """Let a source whose encoding is SQL_ASCII read all rows as UTF-8, as the export will.

    PostgreSQL converts nothing in such a database, and does not know what its bytes mean. Those
    that are UTF-8, as ASCII is, can be exported. Other encodings are converted without loss.

    Raises:
        DatabaseError: rows of a table hold other bytes; it names the table.

    """
    if database.info.parameter_status("server_encoding") != "SQL_ASCII":
        return
    for table in plan.tables:
        if table.row_count:
            try:
                database.execute(queries.fingerprint(INSERT_ROWS, plan.selection, table))
            except CharacterNotInRepertoire as error:
                raise DatabaseError(
                    f"{table.name} holds text that is not UTF-8, and the source's encoding is "
                    f"SQL_ASCII, so PostgreSQL does not know what its bytes mean: "
                    f"{error.diag.message_primary}; restore a dump of the database into one of the "
                    f"encoding that its programs wrote, such as LATIN1, and export from there"
                ) from error
