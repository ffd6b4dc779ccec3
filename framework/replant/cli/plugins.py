"""`replant plugins`: lists what is installed, with which hooks, and what is enabled."""

from __future__ import annotations

import json
from pathlib import Path

import click

from replant import api
from replant.cli import options
from replant.cli.screen import Coloured, Screen, console, grid
from replant.config.json_schema import flat_properties, settings_schema, type_in_words
from replant.errors import PluginError, UsageError
from replant.model.names import did_you_mean
from replant.plugins.installed import InstalledPlugin


@click.command(epilog="Example: replant plugins mask")
@click.argument("name", required=False)
@options.together(options.config)
@click.option(
    "--schema",
    "as_schema",
    is_flag=True,
    help="Print the JSON schema of the configuration, with the plugins' settings, for editors.",
)
def command(name: str | None, config: Path | None, *, as_schema: bool) -> int:
    """List the installed plugins, or show one: its hooks, strategies, formats and settings."""
    settings = options.settings_of(config)
    if as_schema:
        click.echo(json.dumps(api.configuration_schema(settings), indent=2))
        return 0
    installed = api.plugins(settings)
    screen = console()
    if name is not None:
        return _show(screen, name, installed)
    table = grid("", "plugin", "enabled", "distribution", "hooks", "answers to")
    for plugin in installed:
        candidate = plugin.candidate
        table.add_row(
            candidate.name,
            Coloured("yes", "green") if plugin.enabled else "no",
            f"{candidate.distribution} {candidate.version}",
            Coloured("cannot be loaded", "red") if plugin.failure else ", ".join(plugin.hooks),
            ", ".join(plugin.declared.names),
        )
    screen.print(table)
    for plugin in installed:
        if plugin.failure:
            screen.print(f"\n{plugin.failure}")
    failed = any(plugin.failure and plugin.enabled for plugin in installed)
    return PluginError.exit_code if failed else 0


def _show(screen: Screen, name: str, installed: tuple[InstalledPlugin, ...]) -> int:
    named = [plugin for plugin in installed if plugin.candidate.name == name]
    if not named:
        names = [plugin.candidate.name for plugin in installed]
        meant = did_you_mean(name, names, "did you mean {!r}? ")
        raise UsageError(
            f"no plugin {name!r} is installed; {meant}installed are: {', '.join(names)}"
        )
    for plugin in named:
        _describe(screen, plugin)
    return PluginError.exit_code if any(plugin.failure for plugin in named) else 0


def _describe(screen: Screen, plugin: InstalledPlugin) -> None:
    candidate, declared = plugin.candidate, plugin.declared
    facts = grid("", "plugin", candidate.name)
    facts.add_row("enabled", "yes" if plugin.enabled else "no")
    facts.add_row("distribution", f"{candidate.distribution} {candidate.version}")
    facts.add_row("from", candidate.target)
    if not plugin.failure:
        facts.add_row("plugin API", str(declared.api_version))
        facts.add_row("hooks", ", ".join(plugin.hooks))
        facts.add_row("strategies", ", ".join(declared.strategies) or "none")
        facts.add_row("formats", ", ".join(declared.formats) or "none")
        facts.add_row("settings", f"[plugins.{candidate.name}]" if declared.settings else "none")
    screen.print(facts)
    if plugin.failure:
        screen.print(f"\n{plugin.failure}")
    elif declared.settings is not None:
        screen.print()
        _print_settings(screen, declared.settings)


def _print_settings(screen: Screen, kind: type) -> None:
    table = grid("", "setting", "holds", "default", "meaning")
    for name, schema, required in flat_properties(settings_schema(kind)):
        default = "required" if required else json.dumps(schema.get("default")).replace("null", "")
        table.add_row(name, type_in_words(schema), default, schema.get("description", ""))
    screen.print(table)
