"""Checks values when they are made: each attribute against its annotation.

`@frozen(field_transformer=checked)` makes a class whose values hold what their annotations say, or
do not come to be. A plugin's mistake, such as a class where an instance is meant, is then found
where it is made, and is never taken for an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import Any, get_type_hints

from attrs import Attribute, validators

from replant.model.type_checks import Fits, fits, type_words, value_words

#: Types whose values nobody can change, and of which most values are.
_PLAIN = frozenset({str, int, bool, type(None)})

#: Annotations of attributes that hold only such values.
_PLAINLY = frozenset({"str", "int", "bool", "str | None", "int | None"})


def checked(_: type, attributes: list[Attribute[Any]]) -> list[Attribute[Any]]:
    """Let each attribute of a class be checked, and let nobody change what it holds."""
    return [_checked(attribute) if attribute.init else attribute for attribute in attributes]


def read_only(value: Any) -> Any:
    """Return tables, arrays and sets that nobody can change, all the way down."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, dict):
        return MappingProxyType({key: read_only(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(read_only(item) for item in value)
    if isinstance(value, set):
        return frozenset(value)
    return value


def sql_text(_: object, attribute: Attribute[Any], value: str | None) -> None:
    """Refuse SQL that no server can be sent; a validator.

    Raises:
        ValueError: the text is empty, or holds what PostgreSQL's texts cannot.

    """
    if value is None:
        return
    if not value.strip():
        raise ValueError(f"{attribute.name} must not be empty")
    check_sendable(value, attribute.name)


def named(_: object, attribute: Attribute[Any], value: tuple[object, ...]) -> None:
    """Refuse an empty tuple where something must be named; a validator.

    Raises:
        ValueError: it is empty.

    """
    if not value:
        raise ValueError(f"{attribute.name} must not be empty")


def check_sendable(text: str, what: str) -> None:
    """Refuse a text that PostgreSQL cannot hold.

    Raises:
        ValueError: it has a NUL, or half of a surrogate pair, which UTF-8 cannot encode. The text
            itself is not part of the message.

    """
    if "\0" in text:
        raise ValueError(f"{what} has a NUL character, which PostgreSQL's texts cannot hold")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} has a lone surrogate, which UTF-8 cannot encode") from error


def _checked(attribute: Attribute[Any]) -> Attribute[Any]:
    own, before = attribute.validator, attribute.converter
    is_of_its_type = _type_validator()
    validator = is_of_its_type if own is None else validators.and_(is_of_its_type, own)
    if before is None:
        converts = None if str(attribute.type) in _PLAINLY else read_only
        return attribute.evolve(converter=converts, validator=validator)
    converter: Any = before

    def convert(value: Any) -> Any:
        return read_only(converter(value))

    return attribute.evolve(converter=convert, validator=validator)


def _type_validator() -> Callable[[Any, Attribute[Any], object], None]:
    """Make a validator for one attribute: types are known when the first value is made.

    A catalog of thousands of tables has hundreds of thousands of values, so this is to be quick.
    """
    fit: Fits | None = None

    def is_of_its_type(instance: Any, attribute: Attribute[Any], value: object) -> None:
        nonlocal fit
        owner: Any = type(instance)
        if fit is None:
            _, fit = _types_of(owner)[attribute.name]
        if not fit(value):
            kind, _ = _types_of(owner)[attribute.name]
            place = f"{owner.__name__}.{attribute.name}"
            raise TypeError(f"{place} must be {type_words(kind)}, not {value_words(value)}")

    return is_of_its_type


@cache
def _types_of(owner: Any) -> dict[str, tuple[Any, Fits]]:
    """Return the type of each attribute, and what tells whether a value is of it."""
    return {name: (kind, fits(kind)) for name, kind in get_type_hints(owner).items()}
