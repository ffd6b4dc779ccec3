"""Makes strategies for the columns of a catalog and for the types that it defines.

Enums have their labels, domains the values of the type below them, composite types and ranges those
of what they are made of. CHECK constraints, of domains and of tables, narrow them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from replant.model import (
    Catalog,
    Column,
    CompositeType,
    DefinedType,
    DomainType,
    EnumType,
    RangeType,
    Table,
    Text,
)
from replant.testing.checks.evaluate import evaluate_check
from replant.testing.checks.expressions import (
    VALUE,
    Expression,
    columns_of,
    condition_on_column,
)
from replant.testing.checks.parse import parse_check
from replant.testing.checks.suggest import values_from_checks
from replant.testing.generation.composite_values import (
    composite_texts,
    multirange_texts,
    range_texts,
)
from replant.testing.generation.registry import GivenValues, Registry
from replant.testing.generation.values import Values, values_of
from replant.testing.rows import Row

#: How many values are drawn until one satisfies a condition; then the last one has to do.
_TRIES = 12


class CatalogValues:
    """Looks up the values of types and columns, each type once, so that columns share it."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        """Take the registry's values first, then those that the catalog suggests."""
        self._types = catalog.types
        self._ranges = {
            name: range_
            for range_ in catalog.ranges.values()
            for name in (range_.name, range_.multirange)
        }
        # The same values for the same strategy, so that its columns share what is drawn for it.
        self._wrapped: dict[int, Values] = {}
        self._found = {name: self._values(given) for name, given in registry.types.items()}
        self._columns = {cell: self._values(given) for cell, given in registry.columns.items()}

    def of_type(self, type_name: str) -> Values:
        """Return the values of a type.

        Raises:
            ValueError: it is neither built in nor given nor in the catalog.

        """
        if type_name not in self._found:
            element = type_name
            while element.endswith("[]"):
                element = element.removesuffix("[]")
            if element in self._types and element not in self._found:
                self._found[element] = self._defined(self._types[element])
            elif element in self._ranges and element not in self._found:
                self._found[element] = self._range(self._ranges[element], element)
            if type_name not in self._found:
                self._found[type_name] = values_of(type_name, self._found)
        return self._found[type_name]

    def of_column(self, table: Table, column: Column, type_name: str | None = None) -> Values:
        """Return the values of a column: given ones, or those of its type that the checks allow.

        Args:
            table: the column's table.
            column: the column.
            type_name: a narrower type that the values have to fit; None for the column's own.

        Raises:
            ValueError: as `of_type`.

        """
        if (table.name, column.name) in self._columns:
            return self._columns[table.name, column.name]
        values = self.of_type(type_name or column.type)
        found = [condition_on_column(each, column.name) for each in checks_of(table)]
        alone = [each for each in found if each is not None]
        return _narrowed(values, column.name, alone, self.below(column.type))

    def below(self, type_name: str) -> str:
        """Return the type below all domains, with its modifier; or `enum`, or `record`."""
        found = self._types.get(type_name)
        while isinstance(found, DomainType):
            type_name = found.base
            found = self._types.get(type_name)
        match found:
            case EnumType():
                return "enum"
            case CompositeType():
                return "record"
            case _:
                return type_name

    def _values(self, given: GivenValues) -> Values:
        if isinstance(given, Values):
            return given
        return self._wrapped.setdefault(id(given), Values(given))

    def _defined(self, type_: DefinedType) -> Values:
        match type_:
            case EnumType(_, labels):
                return Values(st.sampled_from(labels) if labels else st.nothing())
            case DomainType():
                return self._domain(type_)
            case CompositeType(_, attributes):
                return Values(composite_texts([self._field(name) for _, name in attributes]))

    def _domain(self, domain: DomainType) -> Values:
        base = evolve(self.of_type(domain.base))
        conditions = _parsed(domain.checks or ())
        values = _narrowed(base, VALUE, conditions, self.below(domain.base))
        refused = any(
            evaluate_check(c, {VALUE: None}, {VALUE: "text"}) is False for c in conditions
        )
        return evolve(values, required=base.required or domain.not_null or refused)

    def _field(self, type_name: str) -> SearchStrategy[Text]:
        values = self.of_type(type_name)
        return values.texts if values.required else st.none() | values.texts

    def _range(self, type_: RangeType, name: str) -> Values:
        ranges = range_texts(self.of_type(type_.subtype).texts)
        if name == type_.multirange:
            ranges = multirange_texts(ranges)
        # Which ranges are equal depends on their subtype; one that is alike never hurts.
        return Values(ranges, _together)


def checks_of(table: Table) -> list[Expression]:
    """Return the CHECK constraints of a table that can be parsed."""
    return _parsed(table.checks)


def broken_check_finder(table: Table, types: Mapping[str, str]) -> Callable[[Row], frozenset[str]]:
    """Return a function that finds the columns of a check that a row is known to break.

    Args:
        table: with its CHECK constraints.
        types: the type of each column below all domains.

    """
    conditions = [(columns_of(each), each) for each in checks_of(table)]

    def broken(row: Row) -> frozenset[str]:
        for columns, condition in conditions:
            if evaluate_check(condition, row, types) is False:
                return columns
        return frozenset()

    return broken


def _narrowed(
    values: Values, name: str, conditions: Sequence[Expression], type_name: str
) -> Values:
    """Draw values that the conditions on one column are not known to refuse."""
    if not conditions:
        return values
    suggestion = values_from_checks(conditions, type_name)
    types = {name: type_name}

    def accepts(text: str) -> bool:
        return all(evaluate_check(each, {name: text}, types) is not False for each in conditions)

    texts = values.texts if suggestion is None else suggestion
    return evolve(values, texts=_tried(texts, accepts))


def _tried(texts: SearchStrategy[str], accepts: Callable[[str], bool]) -> SearchStrategy[str]:
    """Draw texts that are mostly accepted: a check that nothing passes must not stop the draw."""

    @st.composite
    def tried(draw: DrawFn) -> str:
        text = draw(texts)
        for _ in range(_TRIES):
            if accepts(text):
                break
            text = draw(texts)
        return text

    return tried()


def below_domains(values: CatalogValues, columns: Iterable[Column]) -> dict[str, str]:
    """Return the type of each column as `evaluate_check` takes it."""
    return {column.name: values.below(column.type) for column in columns}


def _together(_text: str) -> None:
    return None


def _parsed(checks: Iterable[str]) -> list[Expression]:
    return [condition for check in checks if (condition := parse_check(check)) is not None]
