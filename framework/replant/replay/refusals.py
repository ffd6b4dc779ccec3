"""Explains why a target refused a load: what the server says of it, and what would help."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
from attrs import field, frozen

from replant.database.connections import TO_WRITE, one_line
from replant.errors import PrivilegeError, ReplayError
from replant.model import FiringTrigger, RelationName, name_a_few, readable
from replant.model.policies import Policy
from replant.replay.older_release import OF_AN_OLDER_RELEASE
from replant.sql.closing_checks import CHECK_FAILED

WITHOUT_TRIGGERS = (
    "replay with --triggers disable as the owner of the table, or with --strategy superuser, under "
    "which ordinary triggers do not fire"
)
_WRITTEN_BY_TRIGGER = (
    f"a trigger of the target writes rows that are in the artifact too: leave one out, or "
    f"{WITHOUT_TRIGGERS}"
)
_BY_TRIGGER = (
    f"a function of the target does not take it: give it what it reads by [target.settings], "
    f"change it, or {WITHOUT_TRIGGERS}"
)
_BY_FUNCTION = (
    "a function of the target does not take it, which a default, a computed column, a CHECK "
    "constraint, an index or a policy calls: give it what it reads by [target.settings], or change "
    "it"
)

#: Of an error that a function raises itself, and of a row that a CHECK constraint refuses or that
#: no partition takes.
_RAISED, _CHECK_VIOLATION = "P0001", "23514"

#: What would help, by SQLSTATE. PostgreSQL manual, "PostgreSQL Error Codes".
_REMEDIES = {
    _RAISED: _BY_TRIGGER,
    "25006": f"the target takes no writes: {TO_WRITE}",
    "55P03": (
        "another session holds the lock: replay again later, or wait longer, by lock_timeout under "
        "[target.settings]"
    ),
    "40P01": "another session locked the same rows or tables in another order: replay again",
    "55000": "change the table so that the target takes such a statement",
    "42P10": (
        "a publication of the table names columns that its replica identity lacks: ALTER TABLE … "
        "REPLICA IDENTITY FULL, or let the publication name others"
    ),
    "54000": (
        "if an index has no room for a value, drop it, or let it hold a hash or a part of the value"
    ),
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
    """What of the target may refuse a row.

    Attributes:
        firing: the triggers that fire, by table.
        policies: the policies that apply, by table.
        event_triggers: those that fire by ALTER TABLE, by name and function.
        unique: for each table the names of its unique indexes that the source may not have.
        older: how the target is of an older release than the source; empty where it is not.
        updating: the tables of which existing rows are updated.
        skipping: whether rows that exist already are skipped.
        had_rows: says whether a table had rows before the load; it asks the target, after the
            failed transaction has ended. None where that cannot be told.

    """

    firing: Mapping[RelationName, Sequence[FiringTrigger]] = field(factory=dict)
    policies: Mapping[RelationName, Sequence[Policy]] = field(factory=dict)
    event_triggers: Sequence[tuple[str, str]] = ()
    unique: Mapping[RelationName, frozenset[str]] = field(factory=dict)
    older: str = ""
    updating: frozenset[RelationName] = frozenset()
    skipping: bool = False
    had_rows: Callable[[RelationName], bool | None] = field(default=lambda _: None)


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
        what, remedy = _for_unique(error, tables, guards)
        raise ReplayError(
            f"{what}: {one_line(error)}; nothing was replayed; {remedy}"
            f"{_server_words(error, guards)}"
        ) from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise ReplayError(
            f"a row of this artifact references a row that the target lacks, in "
            f"{_place(error, tables)}: {one_line(error)}; nothing was replayed; "
            f"{_for_reference(error, guards)}{_server_words(error, guards)}"
        ) from error
    except psycopg.DatabaseError as error:
        if error.sqlstate == CHECK_FAILED:
            raise ReplayError(f"{one_line(error)}; nothing was replayed") from error
        remedy = _remedy(error, guards)
        if not remedy:
            raise
        raise ReplayError(
            f"the target refused a row of {_place(error, tables)}: {one_line(error)}; nothing was "
            f"replayed; {remedy}{_server_words(error, guards)}"
        ) from error


def _for_unique(
    error: psycopg.Error, tables: Sequence[RelationName], guards: Guards
) -> tuple[str, str]:
    """Say what refused a row that equals another one, and what helps.

    The other may be a row that the target had, one that a trigger or rule wrote, or one of the
    artifact's own where the source does not have the index.
    """
    place, constraint = _place(error, tables), error.diag.constraint_name or ""
    named = RelationName(error.diag.schema_name or "", error.diag.table_name or "")
    refused = f"the target refused a row of {place}"
    alike = any(constraint in names for names in guards.unique.values())
    among = f"two rows of the artifact are alike in {readable(constraint)}, which the source may "
    among += "not have: drop it, or leave one of the rows out"
    if _functions(error):
        return refused, _WRITTEN_BY_TRIGGER
    if guards.had_rows(named) is False:
        writers = [one for found in guards.firing.values() for one in found]
        told = [str(one) for one in writers if ("INSERT", named) in one.trigger.writes]
        told = told or ([] if alike else list(map(str, writers)))
        if told:
            others = f"the table was empty: {name_a_few(told)} may have written the row"
            return refused, f"{others}; {_WRITTEN_BY_TRIGGER}"
        return refused, f"the table was empty: {among}"
    remedy = (
        "remove these rows from the target, or replay with --on-conflict same, which skips rows "
        "that are equal and refuses others"
    )
    if named in guards.updating:
        return refused, (
            f"the target has such a row; if the artifact updates that one too, let "
            f"{readable(constraint)} be DEFERRABLE, else remove it"
        )
    if alike:
        return refused, f"the target has such a row, or {among}"
    return f"the target already holds a row of this artifact in {place}", remedy


def _for_reference(error: psycopg.Error, guards: Guards) -> str:
    """Say what helps where the referenced row is not there, or is no longer."""
    if _functions(error):
        return f"a trigger of the target changes what rows reference: {WITHOUT_TRIGGERS}"
    firing = [str(one) for found in guards.firing.values() for one in found]
    ways = ["load the referenced rows first"]
    if guards.skipping:
        ways.append(
            "remove the row of the target for which it was skipped, as it has a unique value of it"
        )
    if firing:
        ways.append(f"see whether {name_a_few(firing)} changes or drops it")
    return ", or ".join(ways)


def _for_privilege(error: psycopg.Error, tables: Sequence[RelationName], guards: Guards) -> str:
    """Say what helps against a policy, or a privilege that a function of the target needs."""
    if error.diag.source_function == "ExecWithCheckOptions":
        return (
            f"; {_refusing_policies(error, tables, guards)}: give it what it reads by "
            f"[target.settings], or replay as a role with BYPASSRLS"
        )
    if _functions(error):
        without = f", or {WITHOUT_TRIGGERS}" if _calling(error, guards) else ""
        return (
            f"; a function of the target needs it: GRANT it to the role, or make the function "
            f"SECURITY DEFINER{without}"
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


def _remedy(error: psycopg.Error, guards: Guards) -> str:
    if error.sqlstate == _CHECK_VIOLATION and not error.diag.constraint_name:
        return "create a partition that takes such rows"
    known = _REMEDIES.get(error.sqlstate or "", "")
    if known and error.sqlstate != _RAISED:
        return known
    functions = _functions(error)
    for name, function in guards.event_triggers:
        if _calls(function, functions):
            return (
                f"the event trigger {readable(name)} refuses to let triggers be disabled: replay "
                f"with --triggers fire, or disable it"
            )
    if functions:
        return _BY_TRIGGER if _calling(error, guards) else _BY_FUNCTION
    if guards.older and isinstance(error, psycopg.DataError):
        return f"{guards.older}: {OF_AN_OLDER_RELEASE}"
    return "compare the target's schema with the source's" if isinstance(error, _MISFITS) else ""


def _functions(error: psycopg.Error) -> str:
    """Return those lines of the context that name a function of the target."""
    lines = (error.diag.context or "").splitlines()
    return "; ".join(line for line in lines if _IN_FUNCTION.search(line))


def _server_words(error: psycopg.Error, guards: Guards) -> str:
    """Return what else the server says, a line for each part, and what calls or reads that."""
    functions = _functions(error)
    guilty = _calling(error, guards)
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


def _calling(error: psycopg.Error, guards: Guards) -> list[str]:
    """Return the triggers whose functions the context names."""
    functions = _functions(error)
    return [
        str(one)
        for triggers in guards.firing.values()
        for one in triggers
        if one.trigger.function is not None and _calls(one.trigger.function, functions)
    ]


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
