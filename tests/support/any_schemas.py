"""What is asked of a drawn schema by the plugin `schemas`, and what ought to arrive.

A `Drawn` becomes an `Asking`: settings, and the rows that are expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from fnmatch import fnmatchcase
from typing import Any

from attrs import evolve, field, frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from replant.closure.closure_request import ClosureRequest, Rules
from replant.model import Column, ForeignKey, RelationName
from replant.model.closure_rules import Children, EdgeRule, Root
from replant.model.references import (
    ArrayReference,
    DeclaredReference,
    EdgeName,
    PlainReference,
    PolymorphicReference,
    Reference,
    from_declared,
    from_foreign_key,
)
from replant.testing.rows import Rows
from tests.support.closure_graphs import Drawn, drawn_graphs
from tests.support.closure_oracle import edges_of, smallest

#: The column that says whose a row is, and the tenant that is asked for.
TENANT, ASKED_TENANT = "tenant", "1"

#: The rows of each table by the number that tells them apart.
Numbers = Mapping[RelationName, frozenset[str]]


@frozen
class Asking:
    """A drawn schema, what is asked of it, and what that means.

    Attributes:
        settings: `[plugins.schemas]`.
        honoured: the foreign keys that hold for the rows that arrive, constraints or not.
        expected: the rows that ought to arrive; None where a row would have to be left out that
            no key tells from others.
        scope: the scope values.

    """

    drawn: Drawn
    settings: Mapping[str, Any]
    honoured: tuple[ForeignKey, ...]
    expected: Numbers | None = None
    scope: Mapping[str, str] = field(factory=dict)


# -- ways to ask ---------------------------------------------------------------------------------


@st.composite
def growing_from_roots(draw: DrawFn) -> Asking:
    """A closed set; a table that no other references may be excluded."""
    drawn = draw(drawn_graphs())
    roots = {root.table for root in drawn.request.roots}
    needed = {reference.references for reference in _references(drawn)}
    spare = sorted(drawn.catalog.tables.keys() - roots - needed)
    excluded = draw(st.frozensets(st.sampled_from(spare), max_size=1)) if spare else frozenset()
    kept = drawn.catalog.tables.keys() - excluded
    drawn = _about(drawn, kept)
    return Asking(
        drawn,
        {
            "roots": [f"{root.table}: {root.predicate}" for root in drawn.request.roots],
            "exclude": [str(name) for name in sorted(excluded)],
            **_rules_of(drawn),
        },
        _keys(drawn),
        _grown(_only(drawn, kept)),
    )


@st.composite
def whole_tables(draw: DrawFn) -> Asking:
    """All rows of some tables, and what they need."""
    drawn = draw(drawn_graphs())
    tables = drawn.catalog.tables
    filled = [name for name in tables if drawn.rows[name]]
    patterns = {"*", *map(str, filled)}
    patterns |= {pattern for name in filled for pattern in (name.schema, f"{name.schema}.*")}
    include = draw(st.lists(st.sampled_from(sorted(patterns)), min_size=1, max_size=2))
    whole = {name for name in tables if any(_is_like(name, pattern) for pattern in include)}
    wanted = _with_referenced(drawn, whole)
    drawn = _about(drawn, wanted)
    rules = drawn.request.rules
    settings = {"include": include, **_rules_of(drawn)}
    if rules.children is Children.FROM_ROOTS:
        # Where no root was asked for, nothing is included downward unless that is said.
        rules = evolve(rules, children=Children.STOP)
    grown = _grown(_from_all_of(whole, _only(drawn, wanted), rules))
    return Asking(drawn, settings, _keys(drawn), grown)


@st.composite
def of_a_tenant(draw: DrawFn) -> Asking:
    """The rows of one tenant, what they need, and what belongs to them.

    No other rows come into a table that says whose a row is, so a row that needs one is left out.
    """
    drawn = _with_tenants(draw, draw(drawn_graphs()))
    tables = drawn.catalog.tables
    owned = {name for name, table in tables.items() if table.column(TENANT)}
    of_tenant = {
        name: [row for row in rows if name not in owned or row[TENANT] == ASKED_TENANT]
        for name, rows in drawn.rows.items()
    }
    settings = {"scope_column": TENANT, "shared": "fail", **_rules_of(drawn)}
    asking = Asking(drawn, settings, constraints(drawn), scope={TENANT: ASKED_TENANT})
    roots = _settled(drawn, of_tenant, owned)
    if roots is None:
        return asking
    grown = _grown(_from_all_of(owned, evolve(drawn, rows=roots), drawn.request.rules))
    chosen = {
        name: [row for row in rows if row["n"] in grown.get(name, ())]
        for name, rows in roots.items()
    }
    kept = _settled(drawn, chosen, tables.keys())
    return asking if kept is None else evolve(asking, expected=_numbers(kept))


def _is_like(name: RelationName, pattern: str) -> bool:
    pattern = pattern if "." in pattern else f"{pattern}.*"
    return fnmatchcase(f"{name.schema}.{name.name}", pattern)


def _with_referenced(drawn: Drawn, names: Set[RelationName]) -> frozenset[RelationName]:
    """The tables with all that their rows may need."""
    found = frozenset(names)
    while more := {r.references for r in _references(drawn) if r.table in found} - found:
        found |= more
    return found


def _about(drawn: Drawn, names: Set[RelationName]) -> Drawn:
    """The same; what is declared and what is ruled is about these tables alone."""
    declared = tuple(
        item
        for item in drawn.declared
        if names >= {item.table, *(r.references for r in from_declared(item))}
    )
    drawn = evolve(drawn, declared=declared)
    edges = {r.edge for r in _references(drawn) if r.table in names}
    rules = evolve(
        drawn.request.rules,
        tables={n: said for n, said in drawn.request.rules.tables.items() if n in names},
        edges={n: said for n, said in drawn.request.rules.edges.items() if n in edges},
    )
    return evolve(drawn, request=evolve(drawn.request, rules=rules))


def _only(drawn: Drawn, names: Set[RelationName]) -> Drawn:
    """The same, with the rows of these tables alone."""
    tables = drawn.catalog.tables
    return evolve(drawn, rows={n: drawn.rows[n] if n in names else [] for n in tables})


def _references(drawn: Drawn) -> list[Reference]:
    declared = (reference for item in drawn.declared for reference in from_declared(item))
    return [*map(from_foreign_key, constraints(drawn)), *declared]


def _keys(drawn: Drawn) -> tuple[ForeignKey, ...]:
    """All foreign keys: constraints, and those that are declared beside them."""
    return tuple(key for table in drawn.catalog.tables.values() for key in table.foreign_keys)


def constraints(drawn: Drawn) -> tuple[ForeignKey, ...]:
    """The foreign keys that the database knows."""
    return tuple(k for k in _keys(drawn) if EdgeName(k.table, k.name) not in drawn.undeclared)


# -- what is expected ----------------------------------------------------------------------------


def _from_all_of(names: Set[RelationName], drawn: Drawn, rules: Rules) -> Drawn:
    """The same, growing from all rows of these tables."""
    roots = [
        Root(name, f"n IN ({', '.join(str(row['n']) for row in drawn.rows[name])})")
        for name in sorted(names)
    ]
    return evolve(drawn, request=ClosureRequest(tuple(roots), rules))


def _grown(drawn: Drawn) -> Numbers:
    found = smallest(drawn, edges_of(drawn)).found
    return _numbers(
        {
            name: [row for place, row in enumerate(rows) if (name, place) in found]
            for name, rows in drawn.rows.items()
        }
    )


def _numbers(rows: Rows) -> Numbers:
    return {name: frozenset(str(row["n"]) for row in held) for name, held in rows.items()}


def _settled(drawn: Drawn, rows: Rows, names: Set[RelationName]) -> Rows | None:
    """The rows without those of these tables that need a row of these tables that is not there.

    None if one of them has no key to leave it out by.
    """
    kept = {name: list(held) for name, held in rows.items()}
    changed = True
    while changed:
        changed = False
        for key in constraints(drawn):
            if not names >= {key.table, key.references}:
                continue
            there = {tuple(row[c] for c in key.referenced_columns) for row in kept[key.references]}
            held = [(tuple(row[c] for c in key.columns), row) for row in kept[key.table]]
            staying = [row for values, row in held if None in values or values in there]
            if len(staying) < len(held):
                if not drawn.catalog.tables[key.table].identifying_columns:
                    return None
                kept[key.table], changed = staying, True
    return kept


def _with_tenants(draw: DrawFn, drawn: Drawn) -> Drawn:
    """The same, with a column in some tables that says whose a row is, or that it is nobody's."""
    names = st.sampled_from(sorted(drawn.catalog.tables))
    owned = draw(st.frozensets(names, min_size=1))
    tenants = st.sampled_from((*ASKED_TENANT * 4, "2", None))
    column = Column(TENANT, "integer")
    return evolve(
        drawn,
        catalog=evolve(
            drawn.catalog,
            tables={
                name: evolve(table, columns=(*table.columns, column)) if name in owned else table
                for name, table in drawn.catalog.tables.items()
            },
        ),
        rows={
            name: [{**row, TENANT: draw(tenants)} if name in owned else row for row in rows]
            for name, rows in drawn.rows.items()
        },
    )


# -- as settings ---------------------------------------------------------------------------------


def _rules_of(drawn: Drawn) -> dict[str, Any]:
    rules = drawn.request.rules
    return {
        "children": rules.children.value,
        "tables": [{"name": str(n), "children": c.value} for n, c in rules.tables.items()],
        "edges": [
            {"table": str(edge.table), "name": edge.name, **_edge(rule)}
            for edge, rule in rules.edges.items()
        ],
        "references": [_declared(item) for item in drawn.declared],
    }


def _edge(rule: EdgeRule) -> dict[str, Any]:
    said = {"children": rule.children and rule.children.value, "limit": rule.limit}
    return {name: value for name, value in said.items() if value is not None}


def _declared(item: DeclaredReference) -> dict[str, Any]:
    said: dict[str, Any] = {"table": str(item.table), "name": item.name}
    match item:
        case PlainReference():
            said |= {
                "columns": list(item.columns),
                "references": str(item.references),
                "referenced_columns": list(item.referenced_columns),
            }
        case ArrayReference():
            said |= {
                "array": item.column,
                "references": str(item.references),
                "referenced_columns": [item.referenced_column],
            }
        case PolymorphicReference():
            said |= {
                "type_column": item.type_column,
                "columns": list(item.columns),
                "targets": {target.value: str(target.references) for target in item.targets},
                "referenced_columns": list(item.targets[0].referenced_columns),
            }
    return said
