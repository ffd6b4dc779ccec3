"""Matches patterns of table names: `public.*`, `public`, `crm.order_?`, `"Sales"."*"`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType

from replant.errors import ConfigurationError
from replant.model import RelationName, readable
from replant.model.names import did_you_mean

_PART = r'(?:"(?:[^"]|"")+"|[^".]+)'
_PATTERN = re.compile(rf"({_PART})(?:\.({_PART}))?")


def matching(
    patterns: Sequence[str],
    names: Iterable[RelationName],
    path: str,
    unfit: Mapping[RelationName, str] = MappingProxyType({}),
) -> dict[RelationName, str]:
    """Return the names that at least one of the patterns matches, each with the first that does.

    A part in double quotes stands for itself; otherwise `*` is any text, `?` any character and
    `[ab]` one of those. A schema alone means all its tables.

    Args:
        patterns: as the configuration has them.
        names: those to choose from.
        path: where the patterns stand, for errors.
        unfit: names that cannot be chosen, each with the reason.

    Raises:
        ConfigurationError: a pattern matches nothing, or is malformed; names them all.

    """
    names = sorted(names)
    found: dict[RelationName, str] = {}
    problems = []
    for place, pattern in enumerate(patterns):
        parts = _PATTERN.fullmatch(pattern)
        if parts is None:
            problems.append(f"{path}[{place}]: {pattern!r} is not schema.table or schema")
            continue
        matched = {name for name in names if _matches(name, parts[1], parts[2] or "*")}
        if not matched:
            others = [n for n in sorted(unfit) if _matches(n, parts[1], parts[2] or "*")]
            why = f": {others[0]} {unfit[others[0]]}" if others else _near(pattern, names)
            problems.append(f"{path}[{place}]: {pattern!r} matches no table{why}")
        found = dict.fromkeys(matched, pattern) | found
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


def _matches(name: RelationName, schema: str, table: str) -> bool:
    return _part(name.schema, schema) and _part(name.name, table)


def _part(name: str, pattern: str) -> bool:
    if pattern.startswith('"'):
        return name == pattern[1:-1].replace('""', '"')
    return fnmatchcase(name, pattern)


def _near(pattern: str, names: Sequence[RelationName]) -> str:
    schemas = sorted({readable(name.schema) for name in names})
    meant = did_you_mean(pattern, [*names, *schemas])
    return meant or f"; the schemas with tables are: {', '.join(schemas) or 'none'}"
