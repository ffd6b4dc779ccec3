"""Puts scope values into conditions: `:org_id` stands for the value of that name, as in psql."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from replant.database import sql
from replant.errors import ScopeError

#: What is copied as it is, and then a name behind a colon that is not a cast. In brackets a colon
#: parts the bounds of a slice.
_PARTS = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$).*?\1|--[^\n]*|/\*.*?\*/|\[[^\]]*\]|::"""
    r"""|:(?P<name>[A-Za-z_]\w*)""",
    re.DOTALL,
)


def scope_names(condition: str) -> Iterator[str]:
    """Yield the names of the scope values that a condition mentions."""
    for found in _PARTS.finditer(condition):
        if found["name"] is not None:
            yield found["name"]


def with_scope_values(condition: str, scope: Mapping[str, str]) -> str:
    """Return the condition with each scope value as a literal in place of its name.

    Raises:
        ScopeError: it names a value that nobody gave.

    """

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return found[0]
        if name not in scope:
            raise ScopeError(
                f"the condition {condition} needs to know {name}: give --scope {name}=VALUE, or "
                f"{name} under [scope]"
            )
        return sql.Literal(scope[name]).as_string()

    return _PARTS.sub(value, condition)
