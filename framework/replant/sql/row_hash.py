"""Composes SQL that takes a sample of rows by a keyed hash of their primary key.

The server computes SHA-256 over seed, table and key. A hash is 32 bytes, evenly spread: a share of
5 % is what lies below a twentieth of all values, and 500 rows are those with the smallest. The text
of a key does not depend on settings of the session.
"""

from __future__ import annotations

from attrs import frozen

from replant.database import sql
from replant.model import RelationName, Table
from replant.model.samples import Sample

_BYTES = 8
_MOMENT = "timestamp with time zone"


@frozen
class RowHash:
    """How the rows of a table are hashed.

    Attributes:
        columns: those of the key, each with whether it holds a moment, whose text has a time zone.

    """

    table: RelationName
    columns: tuple[tuple[str, bool], ...]

    @classmethod
    def of(cls, table: Table) -> RowHash:
        """Return how the rows of a table are hashed.

        Raises:
            ValueError: it has no key.

        """
        if not table.identifying_columns:
            raise ValueError(
                f"{table.name} has no primary key, by which rows could be sampled; choose them by "
                f"a condition"
            )
        types = {column.name: column.base_type for column in table.columns}
        return cls(table.name, tuple((n, types[n] == _MOMENT) for n in table.identifying_columns))

    def hashed(self, sample: Sample, alias: str | None = None) -> sql.Composed:
        """Compose the hash of a row, of an alias or by plain names."""
        # Not the schema: a target may have the tables in another.
        prefix = f"{sample.seed}:{self.table.name}"
        parts: list[sql.Composable] = [sql.Literal(prefix)]
        for name, is_moment in self.columns:
            column = sql.Identifier(name) if alias is None else sql.Identifier(alias, name)
            value = sql.SQL("{} AT TIME ZONE 'UTC'" if is_moment else "{}").format(column)
            parts.append(sql.SQL("pg_catalog.to_jsonb({})::text").format(value))
        return sql.SQL(
            "pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws(':', {}), 'UTF8'))"
        ).format(sql.SQL(", ").join(parts))

    def in_share(self, sample: Sample, alias: str | None = None) -> sql.Composed:
        """Test that a row is in a share."""
        assert sample.share is not None
        bound = int(sample.share * 2 ** (8 * _BYTES)).to_bytes(_BYTES, "big").hex()
        return sql.SQL("{} OPERATOR(pg_catalog.<) '\\x{}'::bytea").format(
            self.hashed(sample, alias), sql.SQL(bound)
        )


def sampled(
    row_hash: RowHash, sample: Sample, rows: sql.Composable, condition: sql.Composable
) -> sql.Composed:
    """Compose a condition over plain names: the rows that satisfy another, and are in a sample.

    Args:
        row_hash: how rows are hashed.
        sample: a share or a number.
        rows: what follows FROM, to read all rows of the table.
        condition: over the columns by their plain names.

    """
    if sample.share is not None:
        return sql.SQL("({}\n) AND {}").format(condition, row_hash.in_share(sample))
    return sql.SQL(
        "(tableoid, ctid) IN (SELECT tableoid, ctid FROM {} WHERE ({}\n) ORDER BY {} LIMIT {})"
    ).format(rows, condition, row_hash.hashed(sample), sql.Literal(sample.count))
