"""Tells whether a value is of an annotated type, and describes types and values for people."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

#: Tells whether a value is of a type.
Fits = Callable[[object], bool]

#: How people call these types.
_WORDS: dict[type, str] = {
    str: "a text",
    int: "an integer",
    bool: "True or False",
    bytes: "bytes",
    NoneType: "None",
}


def fits(kind: Any) -> Fits:
    """Return what tells whether a value is of a type, all the way down."""
    make = _FITS.get(get_origin(kind))
    return make(get_args(kind)) if make else _instance_of(kind)


def type_words(kind: Any) -> str:
    """Describe a type: `a text`, `ByColumn, AllRows or InClosure`."""
    describe = _DESCRIBED.get(get_origin(kind))
    return describe(get_args(kind)) if describe else _class_words(kind)


def value_words(value: object) -> str:
    """Say what a value is, without its content."""
    if isinstance(value, type):
        return f"the class {value.__name__} (an instance is meant: {value.__name__}(…))"
    if isinstance(value, tuple | frozenset) and value:
        inside = dict.fromkeys(type(item).__name__ for item in value)
        return f"a {type(value).__name__} with {' and '.join(inside)}"
    if callable(value):
        return "a function that takes others"
    return _WORDS.get(type(value), f"a {type(value).__name__}")


# -- whether a value is of a type ----------------------------------------------------------------


def _instance_of(kind: Any) -> Fits:
    if kind is Any:
        return lambda _: True
    if kind is int:  # True is an int for Python alone
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    # What `isinstance` asks, bound to the class: it is called without a frame of Python's.
    is_instance: Fits = type(kind).__instancecheck__.__get__(kind)
    return is_instance


def _any_of(parts: tuple[Any, ...]) -> Fits:
    if all(get_origin(part) is None and part not in (Any, int) for part in parts):
        return lambda value: isinstance(value, parts)
    choices = [fits(part) for part in parts]
    return lambda value: any(choice(value) for choice in choices)


def _tuple_of(parts: tuple[Any, ...]) -> Fits:
    items = [fits(part) for part in parts if part is not Ellipsis]
    if parts[-1] is Ellipsis:
        return lambda value: isinstance(value, tuple) and all(map(items[0], value))
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(items)
        and all(item(held) for item, held in zip(items, value, strict=True))
    )


def _frozenset_of(parts: tuple[Any, ...]) -> Fits:
    item = fits(parts[0])
    return lambda value: isinstance(value, frozenset) and all(map(item, value))


def _mapping_of(parts: tuple[Any, ...]) -> Fits:
    key, item = fits(parts[0]), fits(parts[1])
    return lambda value: (
        isinstance(value, Mapping) and all(key(name) and item(held) for name, held in value.items())
    )


def _function_of(parts: tuple[Any, ...]) -> Fits:
    count = len(parts[0])
    return lambda value: callable(value) and _takes(value, count)


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Return whether a function can be called with so many arguments, as far as it says so."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return True  # a function in C that does not say what it takes
    return True


_FITS: dict[Any, Callable[[tuple[Any, ...]], Fits]] = {
    Union: _any_of,
    UnionType: _any_of,
    tuple: _tuple_of,
    frozenset: _frozenset_of,
    Mapping: _mapping_of,
    Callable: _function_of,
}


# -- words ---------------------------------------------------------------------------------------


def _class_words(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"a member of {kind.__name__}"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def _choice_words(parts: tuple[Any, ...]) -> str:
    *most, last = dict.fromkeys(map(type_words, parts))
    return f"{', '.join(most)} or {last}" if most else last


def _tuple_words(parts: tuple[Any, ...]) -> str:
    if parts[-1] is Ellipsis:
        return f"a tuple, each item of which is {type_words(parts[0])}"
    return f"a tuple of {len(parts)} items: {', '.join(map(type_words, parts))}"


def _function_words(parts: tuple[Any, ...]) -> str:
    count = len(parts[0])
    return f"a function that takes {count} argument{'' if count == 1 else 's'}"


_DESCRIBED: dict[Any, Callable[[tuple[Any, ...]], str]] = {
    Union: _choice_words,
    UnionType: _choice_words,
    tuple: _tuple_words,
    frozenset: lambda parts: f"a frozenset, each item of which is {type_words(parts[0])}",
    Mapping: lambda parts: f"a dict from {type_words(parts[0])} to {type_words(parts[1])}",
    Callable: _function_words,
}
