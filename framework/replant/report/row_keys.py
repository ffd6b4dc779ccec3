"""Writes the keys of rows, and how many tables differ, for people."""

from __future__ import annotations

from collections.abc import Mapping

from replant.model import Text, readable
from replant.model.numbers import counted
from replant.verification.differences import visible


def row_key(values: Mapping[str, Text]) -> str:
    """Write the key of a row for people."""
    return ", ".join(f"{readable(name)} = {visible(value)}" for name, value in values.items())


def differ(wrong: int, tables: int) -> str:
    """Say how many tables differ."""
    return f"{wrong:,} of {counted(tables, 'table')} {'differs' if wrong == 1 else 'differ'}"
