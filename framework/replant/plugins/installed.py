"""Describes the installed plugins: which are enabled, and which cannot be loaded."""

from __future__ import annotations

from attrs import field, frozen

from replant.errors import PluginError
from replant.model import Settings
from replant.plugins import discovery
from replant.plugins.declaration import Declaration
from replant.plugins.discovery import Candidate
from replant.plugins.manager import Host


@frozen
class InstalledPlugin:
    """What `replant plugins` shows of a plugin.

    Attributes:
        candidate: its name and distribution.
        enabled: whether the settings enable it.
        hooks: those that it implements.
        declared: its settings, strategies, formats and version of the plugin API.
        failure: why it cannot be loaded; None if it can.

    """

    candidate: Candidate
    enabled: bool
    hooks: tuple[str, ...] = ()
    declared: Declaration = field(factory=Declaration)
    failure: str | None = None


def installed_plugins(settings: Settings) -> tuple[InstalledPlugin, ...]:
    """Describe every installed plugin: its hooks, or why it cannot be loaded.

    Raises:
        ConfigurationError: the configuration names a plugin that is not installed.
        PluginError: two distributions offer a plugin that is enabled.

    """
    candidates = discovery.find(settings.plugins)
    discovery.check_sub_tables(settings, candidates)
    enabled = discovery.choose(candidates, settings.plugins, settings.export.strategy)
    return tuple(_inspect(candidate, candidate in enabled) for candidate in candidates)


def _inspect(candidate: Candidate, enabled: bool) -> InstalledPlugin:
    try:
        host = Host([discovery.load(candidate)])
    except PluginError as error:
        return InstalledPlugin(candidate, enabled, failure=str(error))
    name = candidate.name
    return InstalledPlugin(candidate, enabled, host.hooks_of(name), host.declared[name])
