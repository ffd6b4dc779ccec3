"""Decides by which columns rows are met that a target has under another key."""

from __future__ import annotations

from collections.abc import Mapping

from replant.errors import ConfigurationError
from replant.model import Layout, RelationName, Settings, readable
from replant.model.match import Match
from replant.model.names import did_you_mean
from replant.selection.select import SelectedTables


def configured_matches(
    selected: SelectedTables, keys: Mapping[RelationName, tuple[str, ...]], settings: Settings
) -> dict[RelationName, Match]:
    """Return the match of each table that has one, from the settings or a registration.

    Raises:
        ConfigurationError: a column is not exported, the table has no key, or a file is written,
            which psql runs as it stands.

    """
    registered = {name: item.registration.match for name, item in selected.registered.items()}
    said = {t.name: Match(t.match, t.match_owned) for t in settings.tables if t.match}
    matches = {name: match for name, match in {**registered, **said}.items() if match}
    problems = []
    for name, match in matches.items():
        path = f"{settings.path_of(name)}.match" if name in said else f"the match of {name}"
        exported = [column.name for column in selected.columns.get(name, ())]
        problems += [
            f"{path}: {name} has no exported column {column!r}{did_you_mean(column, exported)}"
            for column in match.columns
            if column not in exported
        ]
        if not keys.get(name):
            problems.append(f"{path}: {name} has no key by which its rows are referenced")
        if settings.export.layout is Layout.FILE:
            listed = ", ".join(map(readable, match.columns))
            problems.append(
                f"{path}: rows are met by ({listed}) only from a directory, as psql runs a SQL "
                f"file as it stands; choose layout = 'directory'"
            )
    if problems:
        raise ConfigurationError("\n".join(problems))
    return matches
