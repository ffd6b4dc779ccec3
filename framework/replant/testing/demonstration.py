"""Defines a demonstration: a schema to deploy and fill, of which one tenant is moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from attrs import field, frozen
from psycopg import Connection

from replant.errors import PluginError
from replant.plugins.discovery import entry_distribution, load_entry

#: The entry points by which a distribution offers a demonstration.
GROUP = "replant.demonstrations"

SetUp = Callable[[Connection[Any]], None]


@frozen
class Demonstration:
    """What `replant demo` needs to know of a schema.

    It is offered as an entry point of the group `replant.demonstrations`.

    Attributes:
        summary: one sentence that says what moves.
        deploy: creates the schema in an empty database; the caller commits.
        fill: inserts the rows of several tenants, the same rows each time; the caller commits.
        schemas: the schemas that hold the tables.
        scope: the tenant that is moved.
        traces: texts that only the other tenants' rows hold: none may be in the artifact.
        explored: whether it is for a person to explore, in a shell; else a tenant is moved.

    """

    summary: str
    deploy: SetUp
    fill: SetUp
    schemas: tuple[str, ...]
    scope: Mapping[str, str] = field(factory=dict)
    traces: tuple[str, ...] = ()
    explored: bool = False


def find_demonstration(*, explored: bool = False) -> Demonstration:
    """Load the first installed demonstration, by name, that is explored in a shell or is not.

    Raises:
        PluginError: none is installed, or one cannot be imported, or is none.

    """
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    for demonstration in map(_load, entries):
        if demonstration.explored is explored:
            return demonstration
    raise PluginError("no demonstration is installed; install replant again")


def _load(entry: EntryPoint) -> Demonstration:
    loaded = load_entry(entry, "the demonstration")
    if not isinstance(loaded, Demonstration):
        raise PluginError(
            f"the demonstration {entry.name!r} ({entry_distribution(entry)}) is not a "
            f"Demonstration, but {type(loaded).__name__}: {entry.value}; repair or uninstall its "
            f"distribution"
        )
    return loaded


def deploy_demonstration(connection: Connection[Any]) -> None:
    """Deploy what `replant demo` shows into an empty database, and fill it; the caller commits.

    With replant's own demonstration these are both schemas of the platform, with several tenants.

    Raises:
        PluginError: none is installed.
        psycopg.Error: the database refuses; it is not empty.

    """
    found = find_demonstration()
    found.deploy(connection)
    found.fill(connection)
