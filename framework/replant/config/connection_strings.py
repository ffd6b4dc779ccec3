"""Decides where to connect: a DSN, `env:NAME`, an environment variable of replant's, or libpq's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from replant.errors import ConfigurationError

SOURCE_VARIABLE = "REPLANT_SOURCE"
TARGET_VARIABLE = "REPLANT_TARGET"


def connection_string(
    dsn: str | None, variable: str, environment: Mapping[str, str] = os.environ
) -> str:
    """Return the connection string to use; empty leaves everything to libpq's own variables.

    Args:
        dsn: what was configured: a connection string or URI, `env:NAME`, or None.
        variable: the environment variable that is read when `dsn` is None.
        environment: the process's environment.

    Raises:
        ConfigurationError: `env:NAME` names a variable that is not set, or the text is empty.

    """
    if dsn is None:
        return environment.get(variable, "")
    if not dsn.strip():
        raise ConfigurationError(
            f"the connection string is empty; give one, or leave it out so that {variable} or "
            f"libpq's own variables say where to connect"
        )
    name = _variable_of(dsn)
    if name is None:
        return dsn
    if name not in environment:
        raise ConfigurationError(
            f"the connection string {dsn!r} names the environment variable {name!r}, "
            f"which is not set; set it, or give a DSN"
        )
    return environment[name]


def known_connection_string(
    dsn: str | None, variable: str, environment: Mapping[str, str] = os.environ
) -> str | None:
    """Return the connection string of a database that is not needed, or None if nothing says it.

    A configuration may name a variable that is set only where the database is read.
    """
    if dsn is not None and _variable_of(dsn) not in (None, *environment):
        return None
    return connection_string(dsn, variable, environment) or None


def _variable_of(dsn: str) -> str | None:
    return dsn.removeprefix("env:") if dsn.startswith("env:") else None
