"""Types put together from constructors, with the statements that make them and texts of values.

Base types, modifiers, arrays, domains, enums, composites, ranges and multiranges, one inside
another a few levels deep. What is simpler is drawn first, so an example shrinks to the guilty type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field, frozen
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from hypothesis.vendor.pretty import RepresentationPrinter
from psycopg import sql

from replant.model import Text
from replant.testing.generation.composite_values import (
    array_texts,
    composite_texts,
    multirange_texts,
    range_texts,
)
from replant.testing.generation.text_values import texts
from replant.testing.generation.values import Values, values_of

#: Types without an order, which no range can be made of.
_UNORDERED = (
    "json", "point", "line", "lseg", "box", "path", "polygon", "circle", "xid", "cid",
    "int2vector", "pg_snapshot",
)  # fmt: skip

#: Types of PostgreSQL's own, and of extensions; the first are the simplest.
_BASE = (
    "integer", "text", "boolean", "bytea", "numeric", "double precision", "date",
    "timestamp with time zone", "interval", "jsonb", "smallint", "bigint", "real", "money",
    "character varying", "name", "uuid", "time without time zone", "time with time zone",
    "timestamp without time zone", "bit varying", "inet", "cidr", "macaddr", "macaddr8", "tsvector",
    "tsquery", "pg_lsn", "oid", "xid8", "tid", "oidvector", "int4range", "int8range", "numrange",
    "daterange", "tsrange", "tstzrange", "int4multirange", "nummultirange", "tstzmultirange",
    *_UNORDERED,
)  # fmt: skip
_MODIFIED = (
    "character varying(3)", "character(3)", "numeric(6,2)", "numeric(3,-2)", "bit(3)",
    "bit varying(5)",
)  # fmt: skip
_OF_EXTENSIONS = {
    "public.citext": texts(),
    "public.hstore": st.dictionaries(texts(), st.none() | texts(), max_size=2).map(
        lambda pairs: ", ".join(f"{_in_hstore(k)}=>{_in_hstore(v)}" for k, v in pairs.items())
    ),
    "public.ltree": st.lists(st.text("aB_-9", min_size=1, max_size=3), max_size=3).map(".".join),
}

_DEPTH = 3


def _in_hstore(text: Text) -> str:
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Shown:
    """Shows itself by its `repr` where an example fails; of attrs classes all fields are shown."""

    def _repr_pretty_(self, printer: RepresentationPrinter, _is_cycle: bool) -> None:
        printer.text(repr(self))


@frozen(repr=False)
class Kind(Shown):
    """A type of the drawn ones.

    Attributes:
        name: as SQL names it.
        texts: texts of its values.
        ordered: whether its values have an order.
        order: that order as a key of the texts, if it is known.
        required: whether it is a domain that refuses NULL.
        is_array: whether there is no array of it.
        is_modified: whether it has a modifier.
        delimiter: `pg_type.typdelim`.

    """

    name: str
    texts: SearchStrategy[str]
    ordered: bool = True
    order: Callable[[str], Any] | None = None
    required: bool = False
    is_array: bool = False
    is_modified: bool = False
    delimiter: str = ","

    def __repr__(self) -> str:
        return self.name

    @property
    def cells(self) -> SearchStrategy[Text]:
        """What a column or field of this type may hold."""
        return self.texts if self.required else st.none() | self.texts


@define
class TypeSchema:
    """Draws types, and collects the statements that make them, each after those that it needs."""

    draw: DrawFn
    schema: str
    statements: list[sql.Composable] = field(factory=list)

    def kind(self, depth: int = _DEPTH) -> Kind:
        """A type that is nested no deeper than this."""
        constructors: list[Callable[[int], Kind]] = [self._base, self._base, self._enum]
        if depth > 0:
            constructors += [self._array, self._domain, self._composite, self._range]
        return self.draw(st.sampled_from(constructors))(depth - 1)

    def required(self, kind: Kind) -> Kind:
        """A domain over the type that refuses NULL."""
        name = self._made("domain", "CREATE DOMAIN {} AS {} NOT NULL", sql.SQL(kind.name))
        return evolve(kind, name=name, required=True)

    def _base(self, depth: int) -> Kind:
        name = self.draw(st.sampled_from((*_BASE, *_MODIFIED, *_OF_EXTENSIONS)))
        values = values_of(name, {n: Values(t) for n, t in _OF_EXTENSIONS.items()})
        order = int if name in ("integer", "smallint", "bigint") else None
        return Kind(
            name,
            values.texts,
            ordered=name not in _UNORDERED,
            order=order,
            is_modified=name in _MODIFIED,
            delimiter=";" if name == "box" else ",",
        )

    def _enum(self, depth: int) -> Kind:
        labels = self.draw(st.lists(texts(), min_size=1, max_size=4, unique=True))
        listed = sql.SQL(", ").join(map(sql.Literal, labels))
        name = self._made("enum", "CREATE TYPE {} AS ENUM ({})", listed)
        return Kind(name, st.sampled_from(labels), order=labels.index)

    def _domain(self, depth: int) -> Kind:
        below = self.kind(depth)
        rule = self.draw(st.sampled_from(("", "NOT NULL", "CHECK (num_nulls(VALUE) < 2)")))
        parts = sql.SQL("{} {}").format(sql.SQL(below.name), sql.SQL(rule))
        name = self._made("domain", "CREATE DOMAIN {} AS {}", parts)
        return evolve(
            below,
            name=name,
            required=below.required or rule == "NOT NULL",
            is_array=False,
            is_modified=False,
            delimiter=",",
        )

    def _array(self, depth: int) -> Kind:
        element = self.kind(depth)
        if element.is_array:
            # There is no array of arrays, but of a domain over arrays there is.
            name = self._made("domain", "CREATE DOMAIN {} AS {}", sql.SQL(element.name))
            element = evolve(element, name=name)
        found = array_texts(
            element.texts,
            nulls=not element.required,
            dimensions=2,
            delimiter=element.delimiter,
        )
        return Kind(f"{element.name}[]", found, ordered=element.ordered, is_array=True)

    def _composite(self, depth: int) -> Kind:
        fields = [self.kind(depth) for _ in range(self.draw(st.integers(0, 3)))]
        listed = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(f'field "{place}\\'), sql.SQL(kind.name))
            for place, kind in enumerate(fields)
        )
        name = self._made("composite", "CREATE TYPE {} AS ({})", listed)
        found = composite_texts([kind.cells for kind in fields])
        return Kind(name, found, ordered=all(kind.ordered for kind in fields))

    def _range(self, depth: int) -> Kind:
        subtype = self.kind(depth)
        if not subtype.ordered or subtype.is_modified:
            return subtype
        several = sql.Identifier(self.schema, f"multirange {len(self.statements)}")
        name = self._made(
            "range",
            "CREATE TYPE {} AS RANGE (SUBTYPE = {}, MULTIRANGE_TYPE_NAME = {})",
            sql.SQL(subtype.name),
            several,
        )
        found = range_texts(subtype.texts, subtype.order)
        if self.draw(st.booleans()):
            return Kind(several.as_string(), multirange_texts(found))
        return Kind(name, found)

    def _made(self, what: str, statement: str, *parts: sql.Composable) -> str:
        """Note a statement that makes a type; the type's name."""
        name = sql.Identifier(self.schema, f'{what}\'s "{len(self.statements)}"\n$$ --')
        self.statements.append(sql.SQL(statement).format(name, *parts))
        return name.as_string()


@frozen(repr=False)
class TypedTable(Shown):
    """A table with a column of each drawn type, and its rows.

    Attributes:
        statements: those that make the types.
        kinds: the columns' types, in order.
        rows: a text for each column, or None for NULL.

    """

    statements: tuple[sql.Composable, ...]
    kinds: tuple[Kind, ...]
    rows: tuple[tuple[Text, ...], ...]

    def __repr__(self) -> str:
        """What made the types, and what they are to hold: enough to find the guilty one."""
        made = [statement.as_string() for statement in self.statements]
        return f"{made}, columns of {list(self.kinds)}, rows {list(self.rows)}"


@st.composite
def typed_tables(draw: DrawFn, schema: str) -> TypedTable:
    """Tables of a few columns and rows, whose types are made in a schema."""
    types = TypeSchema(draw, schema)
    kinds = [types.kind() for _ in range(draw(st.integers(1, 3)))]
    row = st.tuples(*(kind.cells for kind in kinds))
    rows = draw(st.lists(row, min_size=1, max_size=3))
    return TypedTable(tuple(types.statements), tuple(kinds), tuple(rows))


@frozen(repr=False)
class Cycle(Shown):
    """Two tables that reference each other by keys of one type.

    Attributes:
        statements: those that make the types.
        key: the type of both keys.
        reference: the type of both references, which may be NULL.
        texts: the key of the one row of each table.

    """

    statements: tuple[sql.Composable, ...]
    key: str
    reference: str
    texts: tuple[str, str]

    def __repr__(self) -> str:
        made = [statement.as_string() for statement in self.statements]
        return f"{made}, keys of {self.key}: {self.texts}"


@st.composite
def cycles_of_keys(draw: DrawFn, schema: str) -> Cycle:
    """Cycles whose keys are of any type that has an order; often of a domain that is NOT NULL."""
    types = TypeSchema(draw, schema)
    kind = types.kind()
    assume(kind.ordered and not kind.required)
    key = types.required(kind) if draw(st.booleans()) else kind
    texts_of_keys = draw(st.tuples(kind.texts, kind.texts))
    return Cycle(tuple(types.statements), key.name, kind.name, texts_of_keys)
