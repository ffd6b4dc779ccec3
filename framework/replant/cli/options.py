"""Defines the options that commands share, and makes settings of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import evolve

from replant.config.mistakes import Mistakes
from replant.config.read_settings import (
    DEFAULT_FILE,
    read_settings,
    settings_from,
    with_options,
)
from replant.config.toml_tables import parsed
from replant.errors import ConfigurationError, PluginError
from replant.model import Check, Compression, Layout, OnConflict, RowOrder, Settings, TriggerMode

Function = TypeVar("Function", bound=Callable[..., Any])


def pairs(
    _context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Read options of the form NAME=VALUE; a callback."""
    found = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not {parameter.metavar}")
        found[name] = value
    return found


#: Under this name a command's context keeps the plugins that `--plugin` names.
_FILES = "replant.plugin_files"


def _plugin_files(
    context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> None:
    context.meta[_FILES] = values


_config = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file. [default: replant.toml, if there is one]",
)
_plugin = click.option(
    "--plugin",
    metavar="FILE",
    multiple=True,
    expose_value=False,
    callback=_plugin_files,
    help="A file of Python that is a plugin, such as ./mask.py; it is run. Repeatable.",
)
source = click.option(
    "--source",
    metavar="DSN",
    help="Source database: a connection string, or env:NAME. [default: $REPLANT_SOURCE]",
)
target = click.option(
    "--target",
    metavar="DSN",
    help="Target database: a connection string, or env:NAME. [default: $REPLANT_TARGET]",
)
scope = click.option(
    "--scope",
    metavar="NAME=VALUE",
    multiple=True,
    callback=pairs,
    help="Whose rows, such as database_id=…; repeatable.",
)
strategy = click.option(
    "--strategy",
    metavar="NAME",
    help="How the load is ordered: auto, ordered, superuser, or a plugin's.",
)
on_conflict = click.option(
    "--on-conflict",
    type=click.Choice([way.value for way in OnConflict]),
    callback=lambda _context, _parameter, value: value and OnConflict(value),
    help="What a replay does with a row that is there already. [default: error, or as exported]",
)
triggers = click.option(
    "--triggers",
    type=click.Choice([mode.value for mode in TriggerMode]),
    callback=lambda _context, _parameter, value: value and TriggerMode(value),
    help="Let the target's triggers fire, or disable them for the load. [default: fire]",
)
map_schema = click.option(
    "--map-schema",
    metavar="OLD=NEW",
    multiple=True,
    callback=pairs,
    help="The target has the tables of the schema OLD in the schema NEW; repeatable.",
)
layout = click.option(
    "--layout",
    type=click.Choice([layout.value for layout in Layout]),
    callback=lambda _context, _parameter, value: value and Layout(value),
    help="One SQL file, or a directory with a data file for each table. [default: file]",
)
rows_format = click.option(
    "--format",
    metavar="NAME",
    help="How rows are written: insert, copy, or a plugin's. [default: insert; a directory: copy]",
)
compress = click.option(
    "--compress",
    type=click.Choice([compression.value for compression in Compression]),
    callback=lambda _context, _parameter, value: value and Compression(value),
    help="How the data files of a directory are compressed. [default: none]",
)
row_order = click.option(
    "--order",
    type=click.Choice([order.value for order in RowOrder]),
    callback=lambda _context, _parameter, value: value and RowOrder(value),
    help="In which order rows are written; only by key are the bytes repeatable. [default: key]",
)
jobs = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    help="How many read or count rows at the same time; the result is the same. [default: 1]",
)
check = click.option(
    "--check",
    type=click.Choice([check.value for check in Check]),
    callback=lambda _context, _parameter, value: value and Check(value),
    help="What a replay compares with the exported rows before it commits. [default: content]",
)
include = click.option(
    "--include",
    metavar="PATTERN",
    multiple=True,
    help="Tables of any schema, such as 'public.*'; all rows, unless --root is given. Repeatable.",
)
exclude = click.option(
    "--exclude",
    metavar="PATTERN",
    multiple=True,
    help="Tables to leave out, whatever references them. Repeatable.",
)
root = click.option(
    "--root",
    metavar="TABLE: CONDITION",
    multiple=True,
    help="Rows from which a closed set grows: 'public.customer: id = 42'. Repeatable.",
)
scope_column = click.option(
    "--scope-column",
    metavar="NAME",
    help="The column that says whose a row is, in every table that has it.",
)
max_rows = click.option(
    "--max-rows",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="Refuse to export more rows than this.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Say more: every table, every note.")
#: A path, a URL, or `-` for standard input.
artifact = click.argument("artifact", type=click.Path(dir_okay=True, allow_dash=True))


def together(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Join several options to one decorator; `--help` lists them in this order."""

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def config(function: Function) -> Function:
    """Add the options that say what is configured, and which files are plugins besides."""
    return together(_config, _plugin)(function)


def choosing_rows(function: Function) -> Function:
    """Add the options that say which rows are exported."""
    return together(config, source, scope, include, exclude, root, scope_column)(function)


def choosing(function: Function) -> Function:
    """Add the options that choose rows, and the others of commands that make a plan."""
    return together(choosing_rows, max_rows, strategy)(function)


def settings_of(
    config_file: Path | None,
    *,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    root: tuple[str, ...] = (),
    scope_column: str | None = None,
    **said: Any,
) -> Settings:
    """Read the settings of the file, with the command line's values in them."""
    asked = {
        "include": list(include),
        "exclude": list(exclude),
        "roots": list(root),
        "scope_column": scope_column,
    }
    schemas = {name: value for name, value in asked.items() if value}
    plugins = {"schemas": schemas} if schemas else None
    files = click.get_current_context().meta.get(_FILES, ())
    return with_options(_read(config_file), plugins=plugins, plugin_files=tuple(files), **said)


def _read(file: Path | None) -> Settings:
    """Read the settings of the file; if something is wrong, ask its plugins for more at once.

    Raises:
        ConfigurationError: it has the mistakes of the file, and those in settings of plugins.

    """
    try:
        return read_settings(file)
    except ConfigurationError as error:
        mistakes = Mistakes(str(error).splitlines())
        with mistakes.collecting(), suppress(PluginError):
            _ask_plugins(file or DEFAULT_FILE)
        raise ConfigurationError("\n".join(mistakes.lines)) from error


def _ask_plugins(file: Path) -> None:
    """Let the installed plugins read what the file tells them, whatever else it says."""
    # Nobody waits for these imports whose file is right.
    from replant.config.naming_the_file import naming_the_file  # noqa: PLC0415
    from replant.plugins.manager import Host  # noqa: PLC0415

    told = parsed(file).get("plugins", {})
    # A plugin that is a file is not run for its mistakes alone.
    named = [name for name in told.get("enable", ()) if not name.endswith(".py")]
    own = {"plugins": told | ({"enable": named} if "enable" in told else {})}
    settings = evolve(settings_from(own, str(file)), file=str(file))
    with naming_the_file(settings):
        Host.for_settings(settings)
