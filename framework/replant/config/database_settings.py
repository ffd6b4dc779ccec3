"""Reads `[source.settings]` and `[target.settings]`: parameters of sessions, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cattrs.errors import AttributeValidationNote, ClassValidationError

#: Each part of a parameter's name (PostgreSQL source, valid_custom_variable_name).
_NAME = re.compile(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*")

#: What is replant's to set, with the reason.
_REFUSED = {
    "client_encoding": "replant sends and reads UTF-8",
    "standard_conforming_strings": "replant writes literals for it",
    "array_nulls": "values are read with it on",
    "lc_monetary": "values are written and read with C",
    "xmloption": "values are written and read with content",
    "quote_all_identifiers": "values are written with it off",
    "row_security": "say row_security under [export]",
    "session_replication_role": "replay with --strategy superuser",
}


def database_settings(value: Any) -> dict[str, str]:
    """Read the parameters of a database's sessions; a dotted name may come as tables.

    Raises:
        TypeError: it is not a table.
        ClassValidationError: a name is none, or replant's own, or its value is of another type.

    """
    if not isinstance(value, Mapping):
        raise TypeError("must be a table of parameters")
    settings, errors = {}, []
    for name, item in _flat(value, ""):
        problem = _problem(name, item)
        if problem:
            errors.append(_noted(name, problem))
        settings[name] = _text(item)
    if errors:
        raise ClassValidationError("settings", errors, dict)
    return settings


def _flat(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for name, item in table.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{path}{name}.")
        else:
            yield f"{path}{name}", item


def _problem(name: str, item: Any) -> str:
    if not _NAME.fullmatch(name):
        return "is not a name of a parameter"
    reason = _REFUSED.get(name.lower())
    if reason is None and name.lower().startswith("transaction_"):
        reason = "replant begins the transactions"
    if reason is not None:
        return f"cannot be set: {reason}"
    if type(item) not in (str, int, float, bool):
        return "must be a string, a number or a boolean"
    return ""


def _text(item: Any) -> str:
    return {True: "on", False: "off"}[item] if isinstance(item, bool) else str(item)


def _noted(name: str, problem: str) -> TypeError:
    error = TypeError(problem)
    error.add_note(AttributeValidationNote(f"at {name}", name, object))
    return error
