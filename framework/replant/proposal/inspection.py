"""Inspects a database before a proposal: its catalog and sizes, for the chosen schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from replant.model import Catalog, RelationKind, RelationName, Table
from replant.model.references import ReferenceGraph
from replant.proposal.table_sizes import TableFacts

_THOUSAND = 1000


@frozen
class Inspection:
    """Tables of chosen schemas, none of them a partition.

    Attributes:
        facts: sizes, by table.
        graph: all references of the database.
        foreign: the foreign tables, whose rows lie elsewhere.

    """

    catalog: Catalog
    facts: Mapping[RelationName, TableFacts]
    graph: ReferenceGraph
    tables: Mapping[RelationName, Table]
    foreign: tuple[RelationName, ...]

    def size_of(self, name: RelationName) -> str:
        """Describe the size of a table in words."""
        facts = self.facts[name]
        if not facts.size:
            return "empty"
        size, units = float(facts.size), ["B", "kB", "MB", "GB", "TB"]
        while size >= _THOUSAND and len(units) > 1:
            size, units = size / _THOUSAND, units[1:]
        rows = "never analysed" if facts.rows is None else f"about {facts.rows:,} rows"
        return f"{size:.0f} {units[0]}, {rows}"


def inspect(
    catalog: Catalog,
    facts: Mapping[RelationName, TableFacts],
    graph: ReferenceGraph,
    schemas: Iterable[str],
) -> Inspection:
    """Inspect the tables of these schemas; of all schemas if none is named."""
    wanted = set(schemas) or catalog.schemas
    chosen = [table for name, table in catalog.tables.items() if name.schema in wanted]
    tables = {t.name: t for t in chosen if t.kind.holds_rows and not t.is_partition}
    foreign = tuple(t.name for t in chosen if t.kind is RelationKind.FOREIGN_TABLE)
    return Inspection(catalog, facts, graph, tables, foreign)
