"""What a closed set ought to be, found naively: from rows as dicts of texts, by asking all again.

It shares no code with what it judges, but for the values that say what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from attrs import frozen

from replant.closure.closure_request import ClosureRequest
from replant.explain.explanation import RowKey
from replant.model import RelationName, Table, Text
from replant.model.closure_rules import Children, EdgeRule
from replant.model.references import EdgeName, Reference, from_declared, from_foreign_key
from replant.testing.rows import Row
from tests.support.closure_graphs import Drawn

#: A row: its table, and its place among the rows that were drawn for it.
RowId = tuple[RelationName, int]


@frozen
class Edge:
    """All that one reference connects.

    Attributes:
        children: the rows that reference a row, in the order of their key.

    """

    reference: Reference
    children: Mapping[RowId, Sequence[RowId]]

    def connects(self, child: RowId, parent: RowId) -> bool:
        return child in self.children.get(parent, ())


@frozen
class Smallest:
    """The smallest closed set.

    Attributes:
        found: the round in which each row is found first, if nothing is found before it must be.
        descended: likewise the round in which it is reached downward.

    """

    found: Mapping[RowId, int]
    descended: Mapping[RowId, int]


def edges_of(drawn: Drawn) -> dict[EdgeName, Edge]:
    """Every reference, with the rows that it connects."""
    keys = [key for table in drawn.catalog.tables.values() for key in table.foreign_keys]
    references = [
        from_foreign_key(key)
        for key in keys
        if EdgeName(key.table, key.name) not in drawn.undeclared
    ]
    references += [r for declared in drawn.declared for r in from_declared(declared)]
    return {
        reference.edge: Edge(reference, _children(drawn, reference)) for reference in references
    }


def smallest(drawn: Drawn, edges: Mapping[EdgeName, Edge]) -> Smallest:
    """Grow from the roots until nothing changes."""
    start = roots(drawn)
    found, descended = dict.fromkeys(start, 0), dict.fromkeys(start, 0)
    for round_ in range(1, 1000):
        now, down = set(found), set(descended)
        for edge in edges.values():
            for parent, children in edge.children.items():
                for child in allowed(drawn.request, edge.reference, parent, children, now, down):
                    found.setdefault(child, round_)
                    descended.setdefault(child, round_)
                if now.intersection(children):
                    found.setdefault(parent, round_)
        if len(now) == len(found) and len(down) == len(descended):
            return Smallest(found, descended)
    raise AssertionError("a set of a few rows is closed after a few rounds")


def owned(drawn: Drawn, edges: Mapping[EdgeName, Edge]) -> set[RowId]:
    """The roots, and what is reached from them by going downward alone."""
    found = set(roots(drawn))
    while True:
        below = {
            child
            for edge in edges.values()
            for parent, children in edge.children.items()
            for child in allowed(drawn.request, edge.reference, parent, children, found, found)
        }
        if below <= found:
            return found
        found |= below


def allowed(
    request: ClosureRequest,
    reference: Reference,
    parent: RowId,
    children: Sequence[RowId],
    found: set[RowId],
    descended: set[RowId],
) -> Sequence[RowId]:
    """The rows that are included because they reference a row."""
    rule = request.rules.edges.get(reference.edge, EdgeRule())
    follow = rule.children or request.rules.tables.get(parent[0], request.rules.children)
    start = {Children.FOLLOW: found, Children.FROM_ROOTS: descended, Children.STOP: set[RowId]()}
    return children[: rule.limit] if parent in start[follow] else ()


def roots(drawn: Drawn) -> list[RowId]:
    chosen = []
    for root in drawn.request.roots:
        numbers = re.findall(r"\d+", root.predicate)
        rows = enumerate(drawn.rows[root.table])
        chosen += [(root.table, place) for place, row in rows if row["n"] in numbers]
    return chosen


def rows_like(drawn: Drawn, key: RowKey) -> set[RowId]:
    """The rows that a key tells of: one, or any of the table if it has no key."""
    return {
        (key.table, place)
        for place, row in enumerate(drawn.rows[key.table])
        if all(row[column] == text for column, text in key.values)
    }


def _children(drawn: Drawn, reference: Reference) -> dict[RowId, list[RowId]]:
    table = drawn.catalog.tables[reference.table]
    connected = {}
    for number, parent in enumerate(drawn.rows.get(reference.references, ())):
        children = [
            (reference.table, place)
            for place, child in enumerate(drawn.rows.get(reference.table, ()))
            if _references(drawn, reference, child, parent)
        ]
        children.sort(key=lambda row: _key(table, drawn.rows[row[0]][row[1]]))
        connected[reference.references, number] = children
    return connected


def _references(drawn: Drawn, reference: Reference, child: Row, parent: Row) -> bool:
    only = reference.only
    if only is not None and child[only.column] != only.value:
        return False
    for pair in reference.pairs:
        column = drawn.catalog.tables[reference.references].column(pair.referenced)
        assert column is not None
        numeric = column.type == "integer"
        own, other = child[pair.column], _value(parent[pair.referenced], numeric=numeric)
        owns = re.findall(r"\d+", own or "") if reference.elements else [own]
        if other is None or other not in [_value(item, numeric=numeric) for item in owns]:
            return False
    return True


def _value(text: Text, *, numeric: bool) -> object:
    return int(text) if numeric and text is not None else text


def _key(table: Table, row: Row) -> tuple[object, ...]:
    """What rows are ordered by: their key, texts by bytes; without a key by the whole row."""
    if not table.identifying_columns:
        return (",".join(_in_record(row[column.name]) for column in table.columns).encode(),)
    types = {column.name: column.type for column in table.columns}
    return tuple(
        int(row[name] or "") if types[name] == "integer" else (row[name] or "").encode()
        for name in table.identifying_columns
    )


def _in_record(text: Text) -> str:
    """A value as the text of a composite has it (manual, "Composite Type Input and Output")."""
    if text is None:
        return ""
    if text and not re.search(r'[\s,()"\\]', text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
