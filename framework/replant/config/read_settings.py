"""Reads `replant.toml` into `Settings`, and reports every mistake at once, each with its path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen
from cattrs import BaseValidationError

from replant.config.toml_tables import TOML, Parameters, mistakes_in, parsed
from replant.errors import ConfigurationError
from replant.model import (
    ExportSettings,
    PluginSettings,
    RunSettings,
    Settings,
    TableSettings,
    TriggerMode,
)

#: The file that is read when none is named, if it is there.
DEFAULT_FILE = Path("replant.toml")


@frozen
class _Connection:
    """Where a database is, and how its sessions are set.

    Attributes:
        dsn: a connection string, or `env:NAME` for the environment variable that holds one.
        settings: parameters of the sessions, as SET takes them.

    """

    dsn: str | None = None
    settings: Parameters = field(factory=Parameters)


@frozen
class _Target(_Connection):
    """Where rows are loaded, and how.

    Attributes:
        dsn: a connection string, or `env:NAME` for the environment variable that holds one.
        settings: parameters of the sessions, as SET takes them.
        triggers: whether the target's triggers fire, or are disabled for the load.
        map_schema: the schema that the target has in place of one of the source's.

    """

    triggers: TriggerMode = TriggerMode.FIRE
    map_schema: dict[str, str] = field(factory=dict)


@frozen
class Document:
    """The configuration of replant.

    It differs from `Settings` where TOML reads better.

    Attributes:
        source: where rows are read.
        target: where rows are loaded.
        scope: the named values that say whose rows are exported.
        plugins: which plugins are asked, and what each is told.
        export: how an export is made and where it goes.
        run: how a command runs.
        tables: changes to registered tables, one each.

    """

    source: _Connection = field(factory=_Connection)
    target: _Target = field(factory=_Target)
    scope: dict[str, str] = field(factory=dict)
    plugins: PluginSettings = field(factory=PluginSettings)
    export: ExportSettings = field(factory=ExportSettings)
    run: RunSettings = field(factory=RunSettings)
    tables: tuple[TableSettings, ...] = ()


def read_settings(file: Path | None) -> Settings:
    """Read the settings of a file; of `replant.toml` if it exists and no file is named.

    What is recorded of the tables of `replant.toml` stands beside it, in `replant.lock.toml`.

    Raises:
        ConfigurationError: the file cannot be read, is not TOML, or says something wrong.

    """
    if file is None:
        if not DEFAULT_FILE.exists():
            return Settings()
        file = DEFAULT_FILE
    settings = settings_from(parsed(file), str(file))
    return attrs.evolve(
        settings,
        recorded=str(file.with_suffix(".lock.toml")),
        export=attrs.evolve(settings.export, output=_beside(file, settings.export.output)),
        plugins=attrs.evolve(settings.plugins, enable=_enabled(file, settings.plugins.enable)),
        file=str(file),
    )


def _beside(file: Path, output: str | None) -> str | None:
    """Take a path of the configuration relative to its file; `-` is standard output."""
    return output if output is None or output == "-" else str(file.parent / output)


def _enabled(file: Path, enable: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Take the paths of plugins relative to the file, as they cannot be names."""
    if enable is None:
        return None
    return tuple(
        str(file.parent / name) if "/" in name or name.endswith(".py") else name for name in enable
    )


def settings_from(document: Mapping[str, Any], origin: str) -> Settings:
    """Make settings of a parsed document; `origin` names it in errors.

    Raises:
        ConfigurationError: naming every unknown key and wrong value, each with its path.

    """
    try:
        read = TOML.structure(document, Document)
    except BaseValidationError as error:
        problems = "\n".join(f"{origin}: {problem}" for problem in mistakes_in(error, ""))
        raise ConfigurationError(problems) from error
    return Settings(
        source=read.source.dsn,
        target=read.target.dsn,
        source_settings=read.source.settings,
        target_settings=read.target.settings,
        map_schema=read.target.map_schema,
        triggers=read.target.triggers,
        scope=read.scope,
        export=read.export,
        run=read.run,
        plugins=read.plugins,
        tables=read.tables,
    )


def with_options(
    settings: Settings,
    *,
    source: str | None = None,
    target: str | None = None,
    scope: Mapping[str, str] | None = None,
    plugins: Mapping[str, Mapping[str, Any]] | None = None,
    plugin_files: tuple[str, ...] = (),
    jobs: int | None = None,
    triggers: TriggerMode | None = None,
    map_schema: Mapping[str, str] | None = None,
    **export: Any,
) -> Settings:
    """Return the settings with the command line's values in them; None changes nothing.

    Args:
        settings: those of the file.
        source: connection string of the source.
        target: connection string of the target.
        scope: laid over the file's, value by value.
        plugins: settings of plugins, laid over the file's, key by key.
        plugin_files: files of Python, each a plugin that is enabled.
        jobs: how many processes read rows.
        triggers: what a replay does with the target's triggers.
        map_schema: laid over the file's, name by name.
        export: attributes of `ExportSettings`.

    """
    plugins = plugins or {}
    said = {name: value for name, value in export.items() if value is not None}
    options = [f"export.{name}" for name in said]
    options += [f"plugins.{name}.{key}" for name, keys in plugins.items() for key in keys]
    return attrs.evolve(
        settings,
        options=(*settings.options, *options),
        source=settings.source if source is None else source,
        target=settings.target if target is None else target,
        scope={**settings.scope, **(scope or {})},
        map_schema={**settings.map_schema, **(map_schema or {})},
        export=attrs.evolve(settings.export, **said),
        triggers=settings.triggers if triggers is None else triggers,
        run=settings.run if jobs is None else attrs.evolve(settings.run, jobs=jobs),
        plugins=_with_plugin_options(settings.plugins, plugins, plugin_files),
    )


def _with_plugin_options(
    configured: PluginSettings, said: Mapping[str, Mapping[str, Any]], files: tuple[str, ...]
) -> PluginSettings:
    """Lay what the command line says of plugins over the file's, key by key."""
    tables = {name: {**configured.settings.get(name, {}), **table} for name, table in said.items()}
    return attrs.evolve(
        configured,
        settings={**configured.settings, **tables},
        files=(*configured.files, *files),
    )
