"""Lists the installed plugins, and describes the configuration with their settings."""

from __future__ import annotations

from typing import Any

from replant.config.json_schema import configuration_schema as schema_of
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


def configuration_schema(settings: Settings) -> dict[str, Any]:
    """Describe `replant.toml` as a JSON schema, with the settings of every installed plugin.

    Args:
        settings: name plugins that are not installed, but lie in a file.

    Raises:
        ReplantError: see `replant.errors`.

    """
    installed = plugins(settings)
    return schema_of({plugin.candidate.name: plugin.declared.settings for plugin in installed})
