"""Defines the types that a database defines and that hold values: enums, domains, composites.

A type is named as `format_type` writes it under an empty search path: `public.mood`.
"""

from __future__ import annotations

import re

from attrs import frozen

from replant.model.checked import checked

#: PostgreSQL's own types whose values are texts in the encoding of the database.
TEXT_TYPES = frozenset({"text", "character varying", "character", "name"})

_MODIFIER = re.compile(r"\(\d+(?:,-?\d+)?\)")


def without_modifier(type_: str) -> str:
    """Return a type as `format_type` writes it, without its length or precision."""
    return _MODIFIER.sub("", type_)


@frozen(field_transformer=checked)
class EnumType:
    """An enum, with its labels in their order."""

    name: str
    labels: tuple[str, ...]


@frozen(field_transformer=checked)
class DomainType:
    """A domain.

    Attributes:
        base: the type below it, with its modifier.
        not_null: whether it takes no NULL.
        checks: its CHECK constraints as `pg_get_constraintdef` writes them, by name; None where
            nothing is said of them.

    """

    name: str
    base: str
    not_null: bool = False
    checks: tuple[str, ...] | None = ()


@frozen(field_transformer=checked)
class CompositeType:
    """A composite type, with (name, type) of each attribute in their order."""

    name: str
    attributes: tuple[tuple[str, str], ...]


@frozen(field_transformer=checked)
class RangeType:
    """A range type, with the type of its bounds and the multirange type that belongs to it."""

    name: str
    subtype: str
    multirange: str


DefinedType = EnumType | DomainType | CompositeType
