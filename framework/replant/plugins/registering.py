"""Registers a plugin with pluggy, and refuses one that would not do what it seems to do."""

from __future__ import annotations

import pluggy

from replant.errors import PluginError
from replant.plugins import hookspecs
from replant.plugins.discovery import LoadedPlugin


def register(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> None:
    """Register one plugin, and name it if a hook of it is unknown or has a wrong signature.

    pluggy accepts an unknown hook in silence until `check_pending` is called.
    """
    candidate = plugin.candidate
    if type(plugin.implementation).__hash__ is None:
        kind = type(plugin.implementation).__name__
        raise PluginError(
            f"{candidate} is a {kind}, which cannot be hashed, as pluggy needs; "
            f"let the class keep object.__hash__ (attrs and dataclasses: eq=False)"
        )
    try:
        manager.register(plugin.implementation, candidate.name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        reason = " ".join(str(error).split())
        names = ", ".join(hook.__name__ for hook in hookspecs.HOOKS)
        raise PluginError(
            f"{candidate} does not fit the hook specifications: {reason}; the hooks are {names}; "
            f"update it, or take {candidate.name!r} out of [plugins] enable"
        ) from error
    _check_does_something(manager, plugin)


def _check_does_something(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> None:
    """Refuse a plugin that would do less than it seems to: pluggy passes by what has no marker."""
    unmarked = [
        hook.__name__
        for hook in hookspecs.HOOKS
        if callable(function := getattr(plugin.implementation, hook.__name__, None))
        and not hasattr(function, f"{hookspecs.PROJECT}_impl")
    ]
    if unmarked:
        raise PluginError(
            f"{plugin.candidate} has {' and '.join(unmarked)} without the marker that makes it a "
            f"hook; write @hookimpl above it (from replant import hookimpl)"
        )
    if not manager.get_hookcallers(plugin.implementation):
        names = ", ".join(hook.__name__ for hook in hookspecs.HOOKS)
        raise PluginError(
            f"{plugin.candidate} implements no hook, so it does nothing; the hooks are {names}; "
            f"take {plugin.candidate.name!r} out of [plugins] enable, or let its entry point lead "
            f"to the module or object that has them"
        )
