"""Finds the type below the domains of a column, and below the elements of an array."""

from __future__ import annotations

import re

from attrs import frozen

from replant.model import Catalog, Column, DomainType
from replant_plugins.transforms.mask_kinds import TEXTS

_TYPE = re.compile(r"(?P<name>[^(]+?)(?:\((?P<length>\d+)[^)]*\))?(?P<rest>[^(]*)")


@frozen
class PlainType:
    """The type below all domains, of an array that of its elements.

    Attributes:
        name: without modifier.
        length: of a text, where it is limited.
        in_array: whether it is the type of elements.

    """

    name: str
    length: int | None = None
    in_array: bool = False


def plain_type(catalog: Catalog, column: Column) -> PlainType:
    """Return the type of a column below its domains; `citext` stands for that of any schema."""
    text = _below_domains(catalog, column.type)
    in_array = text.endswith("[]")
    if in_array:
        text = _below_domains(catalog, text.removesuffix("[]"))
    parts = _TYPE.fullmatch(text)
    if parts is None:
        return PlainType(text, in_array=in_array)
    name = f"{parts['name']}{parts['rest']}"
    length = int(parts["length"]) if parts["length"] and name in TEXTS else None
    return PlainType("citext" if name.endswith(".citext") else name, length, in_array)


def _below_domains(catalog: Catalog, text: str) -> str:
    while isinstance(domain := catalog.types.get(text), DomainType):
        text = domain.base
    return text
