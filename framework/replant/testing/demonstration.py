"""Defines a demonstration: a schema to deploy and fill, of which one tenant is moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen
from psycopg import Connection

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
