"""`replant plugins`: lists what is installed, from where, with which hooks, and what is enabled."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.cli import options
from replant.cli.screen import coloured, console, grid
from replant.errors import PluginError


@click.command(epilog="Example: replant plugins -c replant.toml")
@options.together(options.config)
def command(config: Path | None) -> int:
    """List the installed plugins: their distribution, their hooks, and which are enabled."""
    installed = api.plugins(options.settings_of(config))
    table = grid("", "plugin", "enabled", "distribution", "hooks", "from")
    for plugin in installed:
        candidate = plugin.candidate
        table.add_row(
            candidate.name,
            coloured("yes", "green") if plugin.enabled else "no",
            f"{candidate.distribution} {candidate.version}",
            coloured("cannot be loaded", "red") if plugin.failure else ", ".join(plugin.hooks),
            candidate.target,
        )
    screen = console()
    screen.print(table)
    for plugin in installed:
        if plugin.failure:
            screen.print(f"\n{plugin.failure}")
    failed = any(plugin.failure and plugin.enabled for plugin in installed)
    return PluginError.exit_code if failed else 0
