"""Explains why a target refused a load: what the server says of it, and what would help."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from attrs import field, frozen

from replant.database.connections import one_line
from replant.errors import PrivilegeError, ReplayError
from replant.model import FiringTrigger, RelationName, name_a_few
from replant.model.policies import Policy
from replant.sql.closing_checks import CHECK_FAILED

_WITHOUT_TRIGGERS = (
    "replay with --triggers disable as the owner of the table, or with --strategy superuser, under "
    "which ordinary triggers do not fire"
)
_BY_FUNCTION = (
    f"a function of the target does not take it: give it what it reads by [target.settings], "
    f"change it, or {_WITHOUT_TRIGGERS}"
)

#: What would help, by SQLSTATE. PostgreSQL manual, "PostgreSQL Error Codes".
_REMEDIES = {
    "P0001": _BY_FUNCTION,
    "25006": (
        "the target takes no writes: replay into the primary of a standby, or set "
        "default_transaction_read_only = false under [target.settings]"
    ),
    "55P03": (
        "another session holds the lock: replay again later, or wait longer, by lock_timeout under "
        "[target.settings]"
    ),
    "40P01": "another session locked the same rows or tables in another order: replay again",
    "55000": "change the table so that the target takes such a statement",
    "42704": "if it is a parameter that a trigger, default or policy reads, give it by "
    "[target.settings]",
}

#: A line of the context that names a function of the target. The others name replant's own blocks,
#: or repeat the row, whose key is in the message.
_IN_FUNCTION = re.compile(r"function (?!inline_code_block)")

#: The names in quotes of a message: a parameter that is not set may be among them.
_PARAMETER = re.compile(r'"([^"]+)"')

#: A row that does not fit, or a table or column that is not as it was in the source.
_MISFITS = (psycopg.DataError, psycopg.IntegrityError, psycopg.ProgrammingError)


@frozen
class Guards:
    """What of the target may refuse a row: the triggers that fire, and the policies that apply."""

    firing: Mapping[RelationName, Sequence[FiringTrigger]] = field(factory=dict)
    policies: Mapping[RelationName, Sequence[Policy]] = field(factory=dict)


_NONE = Guards()


@contextmanager
def refusals_explained(
    tables: Sequence[RelationName] = (), guards: Guards = _NONE
) -> Iterator[None]:
    """Translate the target's refusal into a message about the replay.

    Args:
        tables: those that are written, to name where the server names none.
        guards: the triggers and policies that may be the reason.

    Raises:
        PrivilegeError: the role lacks a privilege that was not foreseen.
        ReplayError: the target refused a row, or a statement.

    """
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise PrivilegeError(
            f"the target refused: {one_line(error)}; nothing was replayed"
            f"{_for_privilege(error, tables, guards)}{_server_words(error, guards)}"
        ) from error
    except (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation) as error:
        raise ReplayError(
            f"the target already holds a row of this artifact in {_place(error, tables)}: "
            f"{one_line(error)}; nothing was replayed; {_for_unique(error)}"
            f"{_server_words(error, guards)}"
        ) from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise ReplayError(
            f"a row of this artifact references a row that the target lacks, in "
            f"{_place(error, tables)}: {one_line(error)}; nothing was replayed; load the "
            f"referenced rows first{_server_words(error, guards)}"
        ) from error
    except psycopg.DatabaseError as error:
        if error.sqlstate == CHECK_FAILED:
            raise ReplayError(f"{one_line(error)}; nothing was replayed") from error
        remedy = _remedy(error)
        if not remedy:
            raise
        raise ReplayError(
            f"the target refused a row of {_place(error, tables)}: {one_line(error)}; nothing was "
            f"replayed; {remedy}{_server_words(error, guards)}"
        ) from error


def _for_unique(error: psycopg.Error) -> str:
    """Say what helps against a row that is there; one that a trigger writes is no such row."""
    if _functions(error):
        return (
            f"a trigger of the target writes rows that are in the artifact too: leave one out, or "
            f"{_WITHOUT_TRIGGERS}"
        )
    return (
        "remove these rows from the target, or replay with --on-conflict same, which skips rows "
        "that are equal and refuses others"
    )


def _for_privilege(error: psycopg.Error, tables: Sequence[RelationName], guards: Guards) -> str:
    """Say what helps against a policy, or a privilege that a function of the target needs."""
    if error.diag.source_function == "ExecWithCheckOptions":
        return (
            f"; {_refusing_policies(error, tables, guards)}: give it what it reads by "
            f"[target.settings], or replay as a role with BYPASSRLS"
        )
    if _functions(error):
        return (
            f"; a function of the target needs it: GRANT it to the role, make the function "
            f"SECURITY DEFINER, or {_WITHOUT_TRIGGERS}"
        )
    return ""


def _refusing_policies(error: psycopg.Error, tables: Sequence[RelationName], guards: Guards) -> str:
    """Name the policies that do not take a row.

    The server names the table, and the policy where every row must satisfy it; of the others one
    would have to let the row pass.
    """
    message = error.diag.message_primary or ""
    told = [name for name in tables if message.endswith(f'"{name.name}"')]
    policies = guards.policies.get(told[0], ()) if len(told) == 1 else ()
    place = str(told[0]) if len(told) == 1 else _place(error, tables)
    exact = [one for one in policies if one.restrictive and f'policy "{one.name}"' in message]
    others = [one for one in policies if not one.restrictive and "INSERT" in one.commands]
    match exact or others:
        case []:
            return f"a policy of {place} does not take the row"
        case [one]:
            return f"the policy {one} of {place} does not take the row"
        case several:
            return f"none of the policies {name_a_few(map(str, several))} of {place} takes the row"


def _remedy(error: psycopg.Error) -> str:
    known = _REMEDIES.get(error.sqlstate or "", "")
    if known:
        return known
    if _functions(error):
        return _BY_FUNCTION
    return "compare the target's schema with the source's" if isinstance(error, _MISFITS) else ""


def _functions(error: psycopg.Error) -> str:
    """Return those lines of the context that name a function of the target."""
    lines = (error.diag.context or "").splitlines()
    return "; ".join(line for line in lines if _IN_FUNCTION.search(line))


def _server_words(error: psycopg.Error, guards: Guards) -> str:
    """Return what else the server says, a line for each part, and what calls or reads that."""
    functions = _functions(error)
    guilty = [
        str(one)
        for triggers in guards.firing.values()
        for one in triggers
        if one.trigger.function is not None and _calls(one.trigger.function, functions)
    ]
    policies = [
        f"policy {policy} of {name}"
        for name, of_table in guards.policies.items()
        for policy in of_table
        if any(_calls(function, functions) for function in policy.functions)
        or any(
            f"'{parameter}'" in policy.conditions for parameter in _PARAMETER.findall(str(error))
        )
    ]
    parts = (
        ("HINT", error.diag.message_hint),
        ("CONTEXT", functions),
        ("TRIGGER", name_a_few(guilty)),
        ("POLICY", name_a_few(policies)),
    )
    return "".join(f"\n  {name}: {' '.join(text.split())}" for name, text in parts if text)


def _calls(function: str, context: str) -> bool:
    """Return whether a function is in the context, with or without its schema.

    Of one in SQL the context has the name alone, in quotes.
    """
    own = function.partition(".")[2]
    sql = own.partition("(")[0].strip('"')
    return any(f"function {name} " in context for name in (function, own, f'"{sql}"'))


def _place(error: psycopg.Error, tables: Sequence[RelationName]) -> str:
    schema, table = error.diag.schema_name, error.diag.table_name
    if schema and table:
        return str(RelationName(schema, table))
    return ", ".join(map(str, tables)) or "the artifact"
