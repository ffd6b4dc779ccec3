"""Reads the settings of the enabled plugins, and hands each the instance of its own class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from replant.config.mistakes import Mistakes
from replant.config.plugin_settings import missing_names, read_plugin_settings, without_missing
from replant.errors import ConfigurationError
from replant.model import Catalog, PluginSettings
from replant.plugins.declaration import Declaration


class OwnSettings:
    """The settings of each plugin under the configuration that was asked for last.

    Hooks are asked for each column; the settings are read once.
    """

    def __init__(self, declared: Mapping[str, Declaration]) -> None:
        """Keep what the plugins declare, by their names."""
        self._declared = declared
        self._said: PluginSettings | None = None
        self._read: dict[str, Any] = {}

    def of(self, plugin: str, said: PluginSettings) -> Any:
        """Return the settings of a plugin; None for one that has none.

        Raises:
            ConfigurationError: a setting is unknown or wrong; it has all mistakes.

        """
        if self._said is not said:
            self._said, self._read = said, {}
        if plugin not in self._read:
            self._read[plugin] = self._structured(plugin, said)
        return self._read[plugin]

    def check(self, said: PluginSettings) -> None:
        """Refuse settings that a plugin cannot read.

        Raises:
            ConfigurationError: it has the mistakes in the settings of every plugin.

        """
        mistakes = Mistakes()
        for plugin in self._declared:
            with mistakes.collecting():
                self.of(plugin, said)
        mistakes.check()

    def missing_names(self, said: PluginSettings, catalog: Catalog) -> Iterator[str]:
        """Yield the tables and columns that settings name and the database does not have."""
        for plugin in self._declared:
            yield from missing_names(self.of(plugin, said), f"plugins.{plugin}", catalog)

    def forgiving(self, said: PluginSettings, catalog: Catalog) -> OwnSettings:
        """Return the same settings without the names that the database does not have."""
        found = OwnSettings(self._declared)
        found._said = said
        found._read = {
            plugin: without_missing(self.of(plugin, said), catalog) for plugin in self._declared
        }
        return found

    def _structured(self, plugin: str, said: PluginSettings) -> Any:
        kind, table = self._declared[plugin].settings, said.settings.get(plugin)
        path = f"plugins.{plugin}"
        if kind is not None:
            return read_plugin_settings(table or {}, kind, path)
        if table is not None:
            raise ConfigurationError(f"{path}: the plugin takes no settings; remove this table")
        return None
