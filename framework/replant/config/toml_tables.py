"""Reads TOML files, and turns their tables into frozen attrs classes.

Every mistake is found at once, each with its path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin

import attrs
import tomli
from cattrs import BaseValidationError, Converter, ForbiddenExtraKeysError
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from replant.config.database_settings import database_settings
from replant.errors import ConfigurationError
from replant.model import (
    Children,
    OnConflict,
    PluginSettings,
    RelationName,
)
from replant.model.names import did_you_mean
from replant.model.samples import Sample

Shape = TypeVar("Shape")

_BARE_KEY = re.compile("[A-Za-z0-9_-]+")

#: What TOML's arrays are: as they are read, and as plugins get them, whom nothing lets change them.
ARRAY = (list, tuple)


class Parameters(dict[str, str]):
    """`[source.settings]`, which are read by rules of their own."""


def parsed(file: Path | Traversable) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML.

    """
    try:
        return tomli.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: is not UTF-8 at byte {error.start}") from error
    except tomli.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: is not TOML: {error}") from error


def structured(
    table: Mapping[str, Any], kind: type[Shape], path: str, converter: Converter | None = None
) -> Shape:
    """Turn a table of a TOML file into a frozen attrs class.

    Args:
        table: what TOML gave.
        kind: an attrs class; its attributes are the keys.
        path: where the table stands, such as `plugins.notes`, for errors.
        converter: reads the types of the attributes; None for those of replant's own settings.

    Raises:
        ConfigurationError: naming every unknown key and wrong value, each with its path.

    """
    try:
        return (converter or TOML).structure(table, kind)
    except BaseValidationError as error:
        raise ConfigurationError("\n".join(mistakes_in(error, path))) from error


def mistakes_in(error: BaseException, path: str) -> list[str]:
    """List the mistakes that cattrs found below `path`, in the order of the file's shape."""
    if isinstance(error, ForbiddenExtraKeysError):
        return [_unknown_key(path, key, error.cl) for key in sorted(error.extra_fields)]
    if isinstance(error, BaseValidationError):
        return [
            problem
            for inner in error.exceptions
            for problem in mistakes_in(inner, _below(path, inner))
        ]
    if isinstance(error, KeyError):
        return [f"{path}: is missing"]
    return [f"{path}: {error}"]


def _below(path: str, error: BaseException) -> str:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return f"{path}.{note.name}" if path else note.name
        if isinstance(note, IterableValidationNote):
            return path_below(path, note.index)
    return path


def path_below(path: str, key: object) -> str:
    """Return the path of an element of an array, or of a key, which TOML may need quotes for."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if _BARE_KEY.fullmatch(str(key)) else f'{path}."{key}"'


def _unknown_key(path: str, key: str, cls: type) -> str:
    names = [attribute.name for attribute in attrs.fields(cls)]
    meant = did_you_mean(key, names, "did you mean {!r}? ")
    where = f"{path}.{key}" if path else key
    return f"{where}: is unknown; {meant}known here are: {', '.join(names)}"


def strictly(kind: type, words: str) -> Any:
    """Make a function for cattrs that takes values of one type only."""

    def structure(value: Any, _: type) -> Any:
        if type(value) is not kind:
            raise TypeError(f"must be {words}, not {toml_type(value)}")
        return value

    return structure


def _count(value: Any, _: type) -> int:
    if type(value) is not int or value < 1:
        raise TypeError(f"must be an integer of 1 or more, not {value!r}")
    return value


def toml_type(value: Any) -> str:
    """Say in the words of TOML what a value is, with its article."""
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    names |= {list: "an array", tuple: "an array", dict: "a table", MappingProxyType: "a table"}
    return names.get(type(value), f"a {type(value).__name__}")


def _choice(value: Any, kind: type[Enum]) -> Enum:
    """Return the member of an enum with a value."""
    names = [member.value for member in kind]
    if value not in names:
        meant = did_you_mean(value, names, "; did you mean {!r}?")
        raise ValueError(f"must be one of {', '.join(map(repr, names))}, not {value!r}{meant}")
    return kind(value)


def _names(value: Any, _: type) -> tuple[str, ...]:
    if not isinstance(value, ARRAY) or not all(isinstance(item, str) for item in value):
        raise TypeError("must be an array of strings")
    return tuple(value)


def _relation(value: Any, _: type) -> RelationName:
    if not isinstance(value, str):
        raise TypeError(f"must be a string, not {toml_type(value)}")
    return RelationName.parse(value)


def _sample(value: Any, _: type) -> Sample:
    """Read a share or a number of rows."""
    if type(value) not in (str, int):
        raise TypeError(f"must be a share such as '5%' or an integer, not {toml_type(value)}")
    return Sample.of(value)


def _scope(value: Any, _: type) -> dict[str, str]:
    """Read scope values, which are texts for an input function; a plain number is one too."""
    if not isinstance(value, Mapping):
        raise TypeError(f"must be a table, not {toml_type(value)}")
    wrong = [key for key, item in value.items() if type(item) not in (str, int)]
    if wrong:
        raise TypeError(f"{wrong[0]} must be a string or an integer")
    return {key: str(item) for key, item in value.items()}


def _plugins(value: Any, _: type) -> PluginSettings:
    """Read `enable`, and beside it one free sub-table for each plugin."""
    if isinstance(value, ARRAY):
        return PluginSettings(enable=_names(value, tuple))
    if not isinstance(value, Mapping):
        raise TypeError(f"must be a table, or the array of its `enable`, not {toml_type(value)}")
    tables = {key: item for key, item in value.items() if key != "enable"}
    errors: list[Exception] = []
    for key, item in tables.items():
        if not isinstance(item, Mapping):
            errors.append(_at(key, TypeError(_not_a_sub_table(key))))
    enable = None
    if "enable" in value:
        try:
            enable = _names(value["enable"], tuple)
        except TypeError as error:
            errors.append(_at("enable", error))
    if errors:
        raise ClassValidationError("plugins", errors, PluginSettings)
    return PluginSettings(enable=enable, settings=tables)


def _not_a_sub_table(key: str) -> str:
    meant = did_you_mean(key, ["enable"], "did you mean {!r}?")
    return meant or "must be a table of the plugin's settings"


def _at(name: str, error: Exception) -> Exception:
    error.add_note(AttributeValidationNote(f"at {name}", name, object))
    return error


def new_converter() -> Converter:
    """Make a converter for tables of TOML, which refuses what an attribute's type does not say."""
    converter = Converter(detailed_validation=True, forbid_extra_keys=True)
    converter.register_structure_hook(str, strictly(str, "a string"))
    converter.register_structure_hook(int, _count)
    converter.register_structure_hook(bool, strictly(bool, "true or false"))
    converter.register_structure_hook(RelationName, _relation)
    converter.register_structure_hook(PluginSettings, _plugins)
    converter.register_structure_hook(Sample, _sample)
    converter.register_structure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, Enum), _choice
    )
    converter.register_structure_hook_func(
        lambda kind: kind == OnConflict | None, lambda value, _: _choice(value, OnConflict)
    )
    converter.register_structure_hook_func(
        lambda kind: kind == Children | None, lambda value, _: _choice(value, Children)
    )
    converter.register_structure_hook_func(
        lambda kind: kind in (dict[str, str], Mapping[str, str]), _scope
    )
    converter.register_structure_hook_func(
        lambda kind: kind is Parameters, lambda value, _: database_settings(value)
    )
    converter.register_structure_hook_func(
        lambda kind: kind in (tuple[str, ...], tuple[str, ...] | None), _names
    )
    converter.register_structure_hook_func(_is_tuple_of_tables, _array_of_tables(converter))
    converter.register_structure_hook_func(
        lambda kind: attrs.has(kind) and kind not in (RelationName, PluginSettings, Sample),
        lambda value, kind: _table(converter, value, kind),
    )
    return converter


def _is_tuple_of_tables(kind: Any) -> bool:
    return get_origin(kind) is tuple and attrs.has(get_args(kind)[0])


def _array_of_tables(converter: Converter) -> Any:
    def structure(value: Any, kind: Any) -> tuple[Any, ...]:
        if not isinstance(value, ARRAY):
            raise TypeError(f"must be an array of tables, not {toml_type(value)}")
        items: Any = list[get_args(kind)[0]]  # type: ignore[misc] # a type that is only known now
        return tuple(converter.structure(value, items))

    return structure


def _table(converter: Converter, value: Any, kind: type) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"must be a table, not {toml_type(value)}")
    structure: Any = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
    return structure(value, kind)


#: Reads the tables of replant's own settings.
TOML = new_converter()
