"""Lists the installed plugins."""

from __future__ import annotations

from replant.config.naming_the_file import naming_the_file
from replant.model import Settings
from replant.plugins.installed import InstalledPlugin, installed_plugins


def plugins(settings: Settings) -> tuple[InstalledPlugin, ...]:
    """Describe every installed plugin, its hooks, and whether the settings enable it.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with naming_the_file(settings):
        return installed_plugins(settings)
