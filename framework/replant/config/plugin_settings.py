"""Reads the settings of a plugin into the attrs class that it declares.

Every mistake is found at once, each with its path and, for a wrong name, the nearest right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.errors import IterableValidationError, IterableValidationNote

from replant.config.secrets import Secret
from replant.config.toml_tables import (
    ARRAY,
    new_converter,
    path_below,
    strictly,
    structured,
    toml_type,
)
from replant.model import Catalog, RelationName
from replant.model.column_patterns import ColumnPattern, missing_column
from replant.model.names import did_you_mean

Kind = TypeVar("Kind")


def read_plugin_settings(table: Mapping[str, Any], kind: type[Kind], path: str) -> Kind:
    """Turn a table of the configuration into a plugin's settings.

    Args:
        table: what TOML gave.
        kind: an attrs class; its attributes are the keys. A class with a class method `parse` is
            read from a string, such as `RelationName`, `ColumnPattern` and `Secret`.
        path: where the table stands, such as `plugins.notes`.

    Raises:
        ConfigurationError: naming every unknown key and wrong value, each with its path.

    """
    return structured(table, kind, path, _CONVERTER)


def missing_names(settings: object, path: str, catalog: Catalog) -> Iterator[str]:
    """Yield the mistakes that only a database shows: tables and columns that it does not have.

    A secret that is not there is told with them, since both are wanted where rows are read.
    """
    for place, value in _values(settings, path):
        if isinstance(value, RelationName) and value not in catalog.tables:
            meant = did_you_mean(value, sorted(catalog.tables))
            yield f"{place}: there is no table {value}{meant}"
        if isinstance(value, ColumnPattern) and (problem := missing_column(value, catalog)):
            yield f"{place}: {problem}"
        if isinstance(value, Secret) and (problem := value.problem):
            yield f"{place}: {problem}"


def without_missing(settings: Any, catalog: Catalog) -> Any:
    """Return settings without the tables and columns that the database does not have.

    What stands beside them stays, so that other mistakes can be found. A setting that has to name
    one stays as it is.
    """
    if attrs.has(kind := type(settings)):
        held = {a.name: getattr(settings, a.name) for a in attrs.fields(kind) if a.init}
        return attrs.evolve(
            settings,
            **{
                name: without_missing(value, catalog)
                for name, value in held.items()
                if isinstance(value, Mapping | list | tuple)
            },
        )
    if isinstance(settings, Mapping):
        kept = {k: v for k, v in settings.items() if not _lacks((k, v), catalog)}
        return {key: without_missing(value, catalog) for key, value in kept.items()}
    if isinstance(settings, list | tuple):
        return type(settings)(
            without_missing(value, catalog) for value in settings if not _lacks(value, catalog)
        )
    return settings


def _lacks(value: object, catalog: Catalog) -> bool:
    """Return whether a value is, or names, a table or column that the database does not have."""
    return any(
        (isinstance(named, RelationName) and named not in catalog.tables)
        or (isinstance(named, ColumnPattern) and missing_column(named, catalog))
        for _, named in _values(value, "")
    )


def _values(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield every value of settings, keys too, with its path."""
    if isinstance(value, RelationName | ColumnPattern | Secret):
        yield path, value
    elif attrs.has(kind := type(value)):
        for attribute in attrs.fields(kind):
            held = getattr(value, attribute.name)
            yield from _values(held, path_below(path, attribute.name))
    elif isinstance(value, Mapping):
        for key, held in value.items():
            below = path_below(path, str(key))
            yield from _values(key, below)
            yield from _values(held, below)
    elif isinstance(value, list | tuple):
        for place, held in enumerate(value):
            yield from _values(held, path_below(path, place))


def _new_converter() -> Converter:
    converter = new_converter()
    converter.register_structure_hook(int, strictly(int, "an integer"))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_func(
        lambda kind: _origin(kind) in (list, tuple, frozenset),
        lambda value, kind: _array(converter, value, kind),
    )
    converter.register_structure_hook_func(
        lambda kind: _origin(kind) in (dict, Mapping),
        lambda value, kind: _mapping(converter, value, kind),
    )
    converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _literal)
    converter.register_structure_hook_func(
        lambda kind: isinstance(kind, type) and hasattr(kind, "parse"), _parsed
    )
    return converter


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _number(value: Any, _: type) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"must be a number, not {toml_type(value)}")
    return float(value)


def _literal(value: Any, kind: Any) -> Any:
    names = get_args(kind)
    if value not in names:
        meant = did_you_mean(value, names, "; did you mean {!r}?")
        raise ValueError(f"must be one of {', '.join(map(repr, names))}, not {value!r}{meant}")
    return value


def _parsed(value: Any, kind: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError(f"must be a string, not {toml_type(value)}")
    return kind.parse(value)


def _array(converter: Converter, value: Any, kind: Any) -> Any:
    if not isinstance(value, ARRAY):
        raise TypeError(f"must be an array, not {toml_type(value)}")
    item = get_args(kind)[0]
    made = _each(converter, ((place, held, item) for place, held in enumerate(value)))
    return _origin(kind)(made)


def _mapping(converter: Converter, value: Any, kind: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"must be a table, not {toml_type(value)}")
    of_key, of_item = get_args(kind)
    parts = ((key, (key, held), (of_key, of_item)) for key, held in value.items())
    both = (
        (key, half, of) for key, halves, ofs in parts for half, of in zip(halves, ofs, strict=True)
    )
    made = _each(converter, both)
    return dict(zip(made[::2], made[1::2], strict=True))


def _each(converter: Converter, items: Iterable[tuple[int | str, Any, Any]]) -> list[Any]:
    """Structure values, each with its place and type.

    Raises:
        IterableValidationError: it has every mistake, each with its place.

    """
    made: list[Any] = []
    errors: list[Exception] = []
    for place, value, kind in items:
        try:
            made.append(converter.structure(value, kind))
        except Exception as error:  # noqa: BLE001 - whatever a class makes of a wrong value
            error.add_note(IterableValidationNote(f"at {place!r}", place, kind))
            errors.append(error)
    if errors:
        raise IterableValidationError("several", errors, list)
    return made


_CONVERTER = _new_converter()
