"""Decides what a replay does with rows that already exist, by table."""

from __future__ import annotations

from collections.abc import Mapping

from replant.errors import ConfigurationError
from replant.model import OnConflict, RelationName, Settings


def configured_on_conflict(
    settings: Settings, keys: Mapping[RelationName, tuple[str, ...]]
) -> dict[RelationName, OnConflict | None]:
    """Return the configured `on_conflict` of each table; None where nothing is configured.

    Args:
        settings: the whole configuration.
        keys: the columns that identify a row of each table; empty for a table without a key.

    Raises:
        ConfigurationError: rows of a table should be compared or updated, and it has no key.

    """
    configured = dict.fromkeys(keys, settings.export.on_conflict)
    configured |= {t.name: t.on_conflict for t in settings.tables if t.on_conflict}
    wanted = {name: configured[name] for name in keys}
    own = {t.name for t in settings.tables if t.on_conflict}
    keyless: dict[str, list[str]] = {}
    for name, way in wanted.items():
        if way and way.needs_key and not keys[name]:
            path = settings.path_of(name) if name in own else "export"
            keyless.setdefault(f"{path}.on_conflict", []).append(str(name))
    if keyless:
        raise ConfigurationError(
            "\n".join(
                f"{path}: rows of {', '.join(names)} cannot be updated or compared, since no key "
                f"tells them apart; choose on_conflict = 'error' or 'skip' for them under "
                f"[[tables]]"
                for path, names in keyless.items()
            )
        )
    return wanted
