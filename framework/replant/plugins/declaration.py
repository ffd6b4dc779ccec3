"""Reads what a plugin declares beside its hooks: its settings, strategies, formats and version.

Each is an attribute of the module or object that the entry point leads to.
"""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

from replant.errors import PluginError
from replant.model import OWN_FORMATS
from replant.plugins.discovery import LoadedPlugin

#: The version of the contract between replant and plugins; a plugin that names none is for 1.
API_VERSION = 1
_FIRST_VERSION = 1


@frozen
class Declaration:
    """What a plugin declares.

    Attributes:
        settings: the attrs class of `[plugins.NAME]`, its `SETTINGS`; None for no settings.
        strategies: the names that `order_tables` answers, its `STRATEGIES`.
        formats: the names that `render_row` answers, its `FORMATS`.
        api_version: the version of the contract that it was written for, its `API_VERSION`.

    """

    settings: type[Any] | None = None
    strategies: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    api_version: int = API_VERSION

    @property
    def names(self) -> tuple[str, ...]:
        """The strategies and formats that the plugin answers."""
        return (*self.strategies, *self.formats)


def read_declaration(plugin: LoadedPlugin) -> Declaration:
    """Read what a plugin declares.

    Raises:
        PluginError: it is for another version of the contract, or declares something of another
            form.

    """
    version = getattr(plugin.implementation, "API_VERSION", _FIRST_VERSION)
    if version != API_VERSION:
        raise PluginError(
            f"{plugin.candidate} is for version {version!r} of the plugin API, and this replant "
            f"has version {API_VERSION}; {_remedy(version, plugin)}"
        )
    settings = getattr(plugin.implementation, "SETTINGS", None)
    if settings is not None and not (isinstance(settings, type) and attrs.has(settings)):
        raise PluginError(
            f"{plugin.candidate} declares SETTINGS that are not an attrs class; write "
            f"`@attrs.frozen class …`, and SETTINGS = the class"
        )
    return Declaration(
        settings,
        _names(plugin, "STRATEGIES", ()),
        _names(plugin, "FORMATS", OWN_FORMATS),
        API_VERSION,
    )


def _remedy(version: object, plugin: LoadedPlugin) -> str:
    name = plugin.candidate.distribution
    if isinstance(version, int) and version > API_VERSION:
        return "update replant, or install an older version of it"
    return f"update {name}, or take {plugin.candidate.name!r} out of [plugins] enable"


def _names(plugin: LoadedPlugin, attribute: str, taken: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that an attribute lists.

    Raises:
        PluginError: it is not a tuple of texts, or has a name of replant's own.

    """
    names = getattr(plugin.implementation, attribute, ())
    if not isinstance(names, tuple | list) or not all(isinstance(n, str) and n for n in names):
        raise PluginError(
            f"{plugin.candidate} declares {attribute} = {names!r}, which is not a tuple of names; "
            f'write {attribute} = ("its-name",)'
        )
    for name in names:
        if name in taken:
            raise PluginError(
                f"{plugin.candidate} declares the name {name!r} in {attribute}, which replant "
                f"itself has; choose another"
            )
    return tuple(names)
