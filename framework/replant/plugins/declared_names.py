"""Finds the plugins that declare the name of a strategy or of a format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from replant.errors import ConfigurationError, PluginError
from replant.model import OWN_FORMATS
from replant.model.names import did_you_mean
from replant.plugins import discovery
from replant.plugins.declaration import Declaration
from replant.plugins.registering import new_manager, register


def plugins_that_declare(
    what: str, name: str, declared: Mapping[str, Declaration]
) -> tuple[str, ...]:
    """Return the plugins that declare a strategy or a format.

    Args:
        what: `strategy` or `format`.
        name: its name.
        declared: what each enabled plugin declares.

    Raises:
        ConfigurationError: none does; the nearest declared name is given, and all of them.

    """
    own = OWN_FORMATS if what == "format" else ()
    names = {
        plugin: each.formats if what == "format" else each.strategies
        for plugin, each in declared.items()
    }
    found = tuple(plugin for plugin, known in names.items() if name in known)
    if found:
        return found
    known = [*own, *(one for each in names.values() for one in each)]
    if what == "strategy":
        known += [one for one in _strategies_by_name() if one not in known]
    meant = did_you_mean(name, known, " did you mean {!r}?")
    raise ConfigurationError(
        f"export.{what}: no enabled plugin knows the {what} {name!r};{meant} known are: "
        f"{', '.join(known) or 'none'}"
    )


def _strategies_by_name() -> Iterator[str]:
    """Yield the strategies of installed plugins of the same name, which naming them enables."""
    for candidate in discovery.find():
        with suppress(PluginError):
            declared = register(new_manager(), discovery.load(candidate))
            if candidate.name in declared.strategies:
                yield candidate.name
