"""Lists the tenants that a query gives, each with its values and the place of its artifact."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import psycopg
from attrs import frozen

from replant.database import sql
from replant.database.connections import ReadingConnection, one_line
from replant.database.session_settings import own_settings
from replant.errors import UsageError

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@frozen
class Tenant:
    """A row of the query.

    Attributes:
        values: the texts of its columns by name; each is a scope value.
        output: where its artifact goes.

    """

    values: Mapping[str, str]
    output: str

    def __str__(self) -> str:
        """For people: `id = 1`."""
        return ", ".join(f"{name} = {value}" for name, value in self.values.items())


def list_tenants(database: ReadingConnection, query: str, output: str) -> tuple[Tenant, ...]:
    """Ask the query, and put its values into the output's name.

    Args:
        database: the source.
        query: a SELECT; each row is a tenant.
        output: a path or URL with the names of columns in braces: `s3://tenants/{id}/`.

    Raises:
        UsageError: the query fails or gives no row, or two columns of one name, a value is NULL,
            or two artifacts would go to the same place.

    """
    names, rows = _asked(database, query)
    if len({*names}) < len(names):
        raise UsageError(
            f"--each gives two columns of one name: {', '.join(names)}; name each otherwise by AS"
        )
    unknown = [name for name in _PLACEHOLDER.findall(output) if name not in names]
    if unknown or not _PLACEHOLDER.search(output):
        wanted = ", ".join(f"{{{name}}}" for name in names)
        raise UsageError(
            f"-o {output} must say by columns of --each where each artifact goes: {wanted}"
        )
    tenants = tuple(_tenant(dict(zip(names, row, strict=True)), output) for row in rows)
    twice = [place for place, number in Counter(t.output for t in tenants).items() if number > 1]
    if twice:
        raise UsageError(
            f"--each gives several rows whose artifact would go to {twice[0]}; put more of their "
            f"columns into -o, or select each row once"
        )
    return tenants


def _asked(
    database: ReadingConnection, query: str
) -> tuple[Sequence[str], Sequence[Sequence[str | None]]]:
    """Return the columns' names, and the rows as texts."""
    whole = sql.SQL("SELECT * FROM ({}\n) AS each").format(sql.SQL(query.strip().rstrip(";")))
    try:
        with own_settings(database):
            found = database.execute(whole)
    except (psycopg.ProgrammingError, psycopg.DataError) as error:
        raise UsageError(f"--each {query}: {one_line(error)}") from error
    result, columns = found.pgresult, found.description or ()
    if result is None or not result.ntuples:
        raise UsageError(f"--each {query}: gives no row, so there is nothing to export")
    rows = [
        [_text(result.get_value(row, column)) for column in range(len(columns))]
        for row in range(result.ntuples)
    ]
    return [column.name for column in columns], rows


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _tenant(values: Mapping[str, str | None], output: str) -> Tenant:
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) < len(values):
        empty = ", ".join(name for name in values if name not in known)
        raise UsageError(f"--each gives a row in which {empty} is NULL; leave such rows out")

    def part(found: re.Match[str]) -> str:
        value = known[found[1]]
        if value in {"", ".", ".."} or "/" in value or "\\" in value or not value.isprintable():
            raise UsageError(
                f"--each gives {found[1]} = {value!r}, which cannot be a part of a path; put "
                f"another column into -o"
            )
        return value

    return Tenant(known, _PLACEHOLDER.sub(part, output).rstrip("/"))
