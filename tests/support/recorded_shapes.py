"""Shapes of tables with names of any characters, as a catalog may have them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from replant.config.recorded_shapes import Recorded
from replant.model import (
    ColumnShape,
    CompositeType,
    DefinedType,
    DomainType,
    EnumType,
    Identity,
    RelationName,
    TableShape,
)
from replant.model.table_shape import Keys, ShapeReference, quoted

#: Any text that PostgreSQL takes, often one that is a word of the shapes' own text.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
NAMES = (
    st.sampled_from(("id", "table", "unique", "primary", "no key", "a.b", 'say "so"', "a, b"))
    | TEXTS
)
RELATIONS = st.builds(RelationName, NAMES, NAMES)
BUILT_IN = st.sampled_from(
    (
        *("bigint", "numeric(10,-2)", "character varying(9)[]", "timestamp(3) with time zone"),
        *('"char"', "public.geometry(Point,4326)"),
    )
)
KEYS = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple)


def _type_name(name: RelationName) -> str:
    return f"{quoted(name.schema)}.{quoted(name.name)}"


@st.composite
def _types(draw: DrawFn) -> dict[str, DefinedType]:
    types: dict[str, DefinedType] = {}
    for name in draw(st.lists(RELATIONS.map(_type_name), max_size=3, unique=True)):
        labels = st.lists(TEXTS, max_size=3, unique=True).map(tuple)
        checks = st.none() | st.lists(TEXTS, max_size=2).map(tuple)
        attributes = st.lists(st.tuples(NAMES, BUILT_IN), max_size=2, unique_by=lambda a: a[0])
        types[name] = draw(
            st.builds(EnumType, st.just(name), labels)
            | st.builds(DomainType, st.just(name), BUILT_IN, st.booleans(), checks)
            | st.builds(CompositeType, st.just(name), attributes.map(tuple))
        )
    return types


def _columns(types: SearchStrategy[str]) -> SearchStrategy[ColumnShape]:
    return st.builds(
        ColumnShape,
        NAMES,
        types,
        st.booleans(),
        st.booleans(),
        st.sampled_from(Identity),
    )


KEYS_OF_A_TABLE = st.none() | st.builds(
    Keys,
    st.just(()) | KEYS,
    st.frozensets(KEYS, max_size=2),
    st.frozensets(st.builds(ShapeReference, KEYS, RELATIONS, KEYS), max_size=2),
)


@st.composite
def recorded_shapes(draw: DrawFn) -> Recorded:
    """What may be recorded: every type is used by a column, itself or in an array."""
    types = draw(_types())
    names = st.sampled_from(sorted(types)) if types else BUILT_IN
    columns = _columns(BUILT_IN | names | names.map("{}[]".format))
    tables = {}
    for name in draw(st.lists(RELATIONS, max_size=3, unique=True)):
        listed = draw(st.lists(columns, max_size=4, unique_by=lambda c: c.name))
        used = sorted({column.type.removesuffix("[]") for column in listed} & types.keys())
        tables[name] = TableShape(
            tuple(listed), draw(KEYS_OF_A_TABLE), tuple(types[name] for name in used)
        )
    return Recorded(tables, draw(st.frozensets(RELATIONS, max_size=2)))
