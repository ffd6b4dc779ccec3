"""Describes the configuration as a JSON schema, of the classes that it is read into.

Editors check and complete `replant.toml` by it. The settings of plugins are described likewise, by
the classes that they declare.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from textwrap import dedent
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from replant.config.read_settings import Document
from replant.config.secrets import Secret
from replant.model import PluginSettings
from replant.model.samples import Sample

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ATTRIBUTES = re.compile(r"^Attributes:\n(?P<body>(?:[ ].*\n|\n)*)", re.MULTILINE)
_ENABLED: Schema = {
    "type": "array",
    "items": {"type": "string"},
    "description": "The plugins to ask, in the order of their value transforms: names, or paths.",
}
_FORMS: dict[type, Schema] = {
    Sample: {"type": ["string", "integer"]},
    Secret: {"type": "string", "pattern": "^env:[A-Za-z_][A-Za-z0-9_]*$"},
}
_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def configuration_schema(plugins: Mapping[str, type[Any] | None]) -> Schema:
    """Describe `replant.toml`, with the settings of plugins.

    Args:
        plugins: the class of each plugin's settings; None for a plugin without settings.

    """
    schema = settings_schema(Document)
    # A plain number is a scope value too.
    schema["properties"]["scope"]["additionalProperties"] = {"type": ["string", "integer"]}
    tables = {name: settings_schema(kind) for name, kind in plugins.items() if kind is not None}
    table = {**settings_schema(PluginSettings), "properties": {"enable": _ENABLED, **tables}}
    schema["properties"]["plugins"] = {
        "anyOf": [_ENABLED, table],
        "description": table.pop("description"),
    }
    return {"$schema": _DIALECT, "title": "replant.toml", **schema}


def settings_schema(kind: type[Any]) -> Schema:
    """Describe a table of the configuration that is read into an attrs class."""
    types, meanings = get_type_hints(kind), meanings_of(kind)
    properties = {
        attribute.name: _property(attribute, types[attribute.name], meanings.get(attribute.name))
        for attribute in attrs.fields(kind)
        if attribute.init
    }
    required = [a.name for a in attrs.fields(kind) if a.init and a.default is attrs.NOTHING]
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split()),
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def meanings_of(kind: type[Any]) -> dict[str, str]:
    """Read what the docstring of a class says of its attributes."""
    found = _ATTRIBUTES.search(f"{inspect.getdoc(kind) or ''}\n")
    body = dedent(found["body"]).strip() if found else ""
    parts = (line.partition(":") for line in re.split(r"\n(?![ \n])", body) if line)
    return {name: " ".join(meaning.split()) for name, _, meaning in parts}


def flat_properties(schema: Schema, place: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Yield the settings of a table and of the tables in it, each with whether it is required."""
    required = schema.get("required", ())
    for name, part in schema["properties"].items():
        yield f"{place}{name}", part, name in required
        items = part.get("items", {})
        if "properties" in items:
            yield from flat_properties(items, f"{place}{name}[].")


def type_in_words(schema: Schema) -> str:
    """Say in the words of TOML what a setting holds."""
    if "enum" in schema:
        return ", ".join(f'"{value}"' for value in schema["enum"])
    if schema["type"] == "array":
        return f"array of {_plural(schema['items'])}"
    if schema["type"] == "object":
        inside = schema.get("additionalProperties")
        return f"table of {_plural(inside)}" if isinstance(inside, dict) else "table"
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return " or ".join(kinds)


def _plural(schema: Schema) -> str:
    if schema.get("type") == "object" and "properties" in schema:
        return "tables"
    return " or ".join(f"{word}s" for word in type_in_words(schema).split(" or "))


def _property(attribute: attrs.Attribute[Any], kind: Any, meaning: str | None) -> Schema:
    schema = _of_type(kind)
    if meaning:
        schema["description"] = f"{meaning[0].upper()}{meaning[1:]}"
    default = attribute.default
    if isinstance(default, Enum):
        schema["default"] = default.value
    elif isinstance(default, str | int | float):
        schema["default"] = default
    elif default == ():
        schema["default"] = []
    return schema


def _of_type(kind: Any) -> Schema:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (some,) = (part for part in parts if part is not NoneType)
        return _of_type(some)
    if origin is Literal:
        return {"enum": [*parts]}
    if origin in (list, tuple, frozenset):
        return {"type": "array", "items": _of_type(parts[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of_type(parts[1])}
    return _of_class(kind)


def _of_class(kind: Any) -> Schema:
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind in _FORMS:
        return {**_FORMS[kind]}
    if issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if hasattr(kind, "parse"):
        return {"type": "string"}
    if attrs.has(kind):
        return settings_schema(kind)
    # Parameters of sessions: a name with a dot may be written as a table in a table.
    return {"type": "object"}
