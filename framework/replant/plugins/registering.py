"""Registers a plugin with pluggy, and refuses one that would not do what it seems to do."""

from __future__ import annotations

from collections.abc import Collection
from inspect import Parameter, signature

import pluggy

from replant.errors import PluginError
from replant.model.names import did_you_mean
from replant.plugins import hookspecs
from replant.plugins.declaration import Declaration, read_declaration
from replant.plugins.discovery import LoadedPlugin

#: What a plugin declares for a hook, and the hook.
_NEEDED = (
    ("STRATEGIES", ("order_tables",)),
    ("FORMATS", ("render_row", "write_artifact")),
)


def new_manager() -> pluggy.PluginManager:
    """Make a manager that knows the hooks, and no plugin."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def register(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> Declaration:
    """Register one plugin, and return what it declares.

    pluggy accepts an unknown hook in silence until `check_pending` is called.

    Raises:
        PluginError: a hook of it is unknown or has a wrong signature, or what it declares does
            not fit its hooks.

    """
    candidate = plugin.candidate
    if type(plugin.implementation).__hash__ is None:
        kind = type(plugin.implementation).__name__
        raise PluginError(
            f"{candidate} is a {kind}, which cannot be hashed, as pluggy needs; "
            f"let the class keep object.__hash__ (attrs and dataclasses: eq=False)"
        )
    declared = read_declaration(plugin)
    _check_hooks(manager, plugin)
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
    _check_names(plugin, declared, implemented_hooks(manager, plugin))
    _check_settings(plugin, declared, _parameters(manager, plugin))
    return declared


def implemented_hooks(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> tuple[str, ...]:
    """Return the hooks that a plugin implements, in the order in which they are called."""
    callers = manager.get_hookcallers(plugin.implementation) or ()
    implemented = {caller.name for caller in callers}
    return tuple(hook.__name__ for hook in hookspecs.HOOKS if hook.__name__ in implemented)


def _parameters(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> set[str]:
    """Return the parameters that the hooks of a plugin take."""
    return {
        name
        for caller in manager.get_hookcallers(plugin.implementation) or ()
        for impl in caller.get_hookimpls()
        if impl.plugin is plugin.implementation
        for name in impl.argnames
    }


def _check_hooks(manager: pluggy.PluginManager, plugin: LoadedPlugin) -> None:
    """Refuse a hook that replant does not have, and a parameter that its hook does not have."""
    hooks = [hook.__name__ for hook in hookspecs.HOOKS]
    for name in dir(plugin.implementation):
        marked = manager.parse_hookimpl_opts(plugin.implementation, name)
        if marked is None:
            continue
        hook = marked.get("specname") or name
        if hook not in hooks:
            meant = did_you_mean(hook, hooks)
            raise PluginError(
                f"{plugin.candidate} has the hook {hook!r}, which replant does not have{meant}; "
                f"the hooks are {', '.join(hooks)}; update the plugin"
            )
        known = list(signature(getattr(hookspecs, hook)).parameters)
        for parameter, wanted in signature(getattr(plugin.implementation, name)).parameters.items():
            if parameter not in known and wanted.default is Parameter.empty:
                meant = did_you_mean(parameter, known)
                raise PluginError(
                    f"{plugin.candidate} has the hook {hook} with the parameter {parameter!r}, "
                    f"which the hook does not have{meant}; it may take {', '.join(known)}; "
                    f"update the plugin"
                )


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


def _check_names(plugin: LoadedPlugin, declared: Declaration, hooks: Collection[str]) -> None:
    """Refuse a hook that answers to names of which none is declared, and names without a hook."""
    for (attribute, answering), names in zip(
        _NEEDED, (declared.strategies, declared.formats), strict=True
    ):
        has = [hook for hook in answering if hook in hooks]
        if has and not names:
            raise PluginError(
                f"{plugin.candidate} has the hook {has[0]}, and does not declare to which names it "
                f'answers; write {attribute} = ("its-name",) beside it'
            )
        if names and not has:
            raise PluginError(
                f"{plugin.candidate} declares {attribute}, and has no hook "
                f"{' or '.join(answering)} that would "
                f"answer to them; add it, or remove {attribute}"
            )


def _check_settings(plugin: LoadedPlugin, declared: Declaration, taken: Collection[str]) -> None:
    """Refuse hooks that want settings of which no class is declared, and settings for no hook."""
    if "settings" in taken and declared.settings is None:
        raise PluginError(
            f"{plugin.candidate} has a hook with the parameter settings, and declares no class of "
            f"settings; write SETTINGS = the attrs class. The whole configuration is the "
            f"parameter configuration"
        )
    if declared.settings is not None and "settings" not in taken:
        raise PluginError(
            f"{plugin.candidate} declares SETTINGS, and no hook has the parameter settings, so "
            f"they would change nothing; let a hook take them, or remove SETTINGS"
        )
