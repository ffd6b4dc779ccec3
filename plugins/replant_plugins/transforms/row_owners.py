"""Composes the SQL that says whose a row is: the tenant, customer or other row that it belongs to.

From the row it goes up over foreign keys to rows that are not shared, until none is above. So rows
of different tables that belong to one row get the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from replant.model import Catalog, ExportedTables, ForeignKey, RelationName, Table, readable
from replant.model.ownership import Ownership

#: A column by that name is not seen in a transform, where it is the value itself.
_VALUE = "value"


@frozen
class RowOwners:
    """Knows how rows of the exported tables belong to each other.

    Attributes:
        catalog: what the source has.
        exported: the tables of the export.

    """

    catalog: Catalog
    exported: ExportedTables = field(factory=ExportedTables)

    def owner_of(self, name: RelationName, per: Sequence[str] = ()) -> str:
        """Compose the owner of a row of a table: a text, the same for all rows of one owner.

        Args:
            name: the table.
            per: the columns that say it; none for those by which the row belongs to others.

        Raises:
            ValueError: a column does not exist, or nothing says whose a row is.

        """
        table = self.catalog.tables[name]
        if per:
            return _array(map(_of_row, self._checked(table, per)))
        steps, top = list(self._steps_up(table)), self._top(table)
        return self._above(steps, top) if steps else _array(map(_of_row, top))

    def _above(self, steps: Sequence[ForeignKey], own: Sequence[str]) -> str:
        """Compose the owner over foreign keys; the row is its own where the first holds NULL."""
        # Names of the row are told here alone, as the tables that are joined may have them too.
        known = dict.fromkeys((*steps[0].columns, *own))
        named = ", ".join(f"{_of_row(name)} AS {_quoted(name)}" for name in known)
        source, cases = f"(SELECT {named}) AS p0", []
        for place, key in enumerate(steps):
            below, above = f"p{place}", f"p{place + 1}"
            pairs = zip(key.columns, key.referenced_columns, strict=True)
            on = " AND ".join(
                f"{above}.{_quoted(other)} = {below}.{_quoted(mine)}" for mine, other in pairs
            )
            source += f"\n  LEFT JOIN {_relation(key.references)} AS {above} ON {on}"
            is_there = f"{above}.{_quoted(key.referenced_columns[0])} IS NOT NULL"
            top = self._top(self.catalog.tables[key.references])
            owner = _array(f"{above}.{_quoted(column)}" for column in top)
            cases.append(f"WHEN {is_there} THEN {owner}")
        found = _array(f"p0.{_quoted(column)}" for column in own)
        owner = f"CASE {' '.join(reversed(cases))} ELSE {found} END"
        return f"(SELECT {owner}\n  FROM {source})"  # noqa: S608 - every name in it is quoted

    def _checked(self, table: Table, per: Sequence[str]) -> Sequence[str]:
        missing = [readable(name) for name in per if table.column(name) is None]
        if missing:
            raise ValueError(f"it has no column {' and no column '.join(missing)}")
        return per

    def _top(self, table: Table) -> Sequence[str]:
        """Return the columns that stand for a row of which no row is the owner."""
        scope = self.exported.scope_columns.get(table.name)
        found = (scope,) if scope is not None else table.identifying_columns
        if not found:
            raise ValueError(
                "nothing says whose a row is; name the columns, as in 'date:30 per customer_id'"
            )
        return found

    def _steps_up(self, table: Table) -> Iterator[ForeignKey]:
        """Yield the foreign keys from a row to its owner, the first to the row next to it."""
        seen = {table.name}
        while table.name not in self.exported.scope_columns:
            key = min(filter(None, (self._rank(k, seen) for k in table.foreign_keys)), default=None)
            if key is None:
                return
            found = next(k for k in table.foreign_keys if k.name == key[-1])
            yield found
            seen.add(found.references)
            table = self.catalog.tables[found.references]

    def _rank(self, key: ForeignKey, seen: set[RelationName]) -> tuple[bool, bool, str] | None:
        """Return how near a foreign key is to one of an owner; None if it leads to no owner.

        The key by which a plugin chose the rows comes first, then one that no row can do without.
        """
        ownership: Mapping[RelationName, Ownership] = self.exported.ownership
        other = ownership.get(key.references, Ownership.SHARED)
        table = self.catalog.tables[key.table]
        if (
            key.references in seen
            or other is Ownership.SHARED
            or ownership.get(key.table) is Ownership.SHARED
            or key.period
        ):
            return None
        columns = [table.column(name) for name in key.columns]
        optional = not all(column is not None and column.not_null for column in columns)
        chosen = self.exported.through.get(key.table) == key.columns
        return not chosen, optional, key.name


def _array(values: Iterable[str]) -> str:
    texts = ", ".join(f"pg_catalog.format('%s', {value})" for value in values)
    return f"CAST(pg_catalog.json_build_array({texts}) AS text)"


def _of_row(name: str) -> str:
    if name == _VALUE:
        raise ValueError(
            f"the column {_VALUE} cannot say whose a row is, as SQL has the masked value by that "
            f"name; name other columns, as in 'date:30 per customer_id'"
        )
    return _quoted(name)


def _relation(name: RelationName) -> str:
    return f"{_quoted(name.schema)}.{_quoted(name.name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
