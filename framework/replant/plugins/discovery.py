"""Finds installed plugins by their entry points, and chooses, imports and checks them.

Finding reads only metadata. A plugin is imported when it was chosen, so one that is installed but
not enabled cannot break an export.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path

from attrs import frozen

from replant.errors import ConfigurationError, PluginError
from replant.model import PluginSettings, Settings
from replant.model.names import did_you_mean
from replant.plugins.guarded import one_line
from replant.plugins.plugin_files import (
    import_file,
    is_file,
    plugin_files,
    plugin_name,
    version_of,
)

GROUP = "replant.plugins"

#: The distribution whose plugins are enabled when the configuration names none.
OWN_DISTRIBUTION = "replant"


@frozen(order=True)
class Candidate:
    """An installed plugin, not imported yet.

    Attributes:
        target: where the entry point leads, `package.module` or `package.module:attribute`; or
            the path of a file.
        is_file: whether it is one file, which no distribution brings.

    """

    name: str
    distribution: str
    version: str
    target: str
    is_file: bool = False

    def __str__(self) -> str:
        """Write the plugin as an error names it."""
        if self.is_file:
            return f"plugin {self.name!r} (file {self.target})"
        return f"plugin {self.name!r} (distribution {self.distribution} {self.version})"


@frozen
class LoadedPlugin:
    """A plugin that was imported: an object whose attributes may implement hooks."""

    candidate: Candidate
    implementation: object


def find(plugins: PluginSettings | None = None) -> tuple[Candidate, ...]:
    """Find every installed plugin, sorted by name and distribution; then those in files.

    Two distributions may offer a plugin of one name, which matters once it is asked for. A file
    takes the place of an installed plugin of its name.

    Args:
        plugins: which files are plugins; None for none.

    Raises:
        ConfigurationError: a file is not there, or nobody named it who runs replant.

    """
    files = [_in_file(path) for path in plugin_files(plugins)] if plugins else []
    taken = {candidate.name for candidate in files}
    entries = entry_points(group=GROUP)
    # The metadata of a distribution holds a whole README: it is read once for all entry points.
    named = {
        distribution: _name_and_version(distribution) for distribution in {e.dist for e in entries}
    }
    installed = sorted({Candidate(e.name, *named[e.dist], e.value) for e in entries})
    return (*(candidate for candidate in installed if candidate.name not in taken), *files)


def check_unique(name: str, candidates: Iterable[Candidate]) -> None:
    """Refuse a plugin that two distributions offer: nothing says which of them is meant.

    Raises:
        PluginError: two candidates have the name.

    """
    offers = [candidate for candidate in candidates if candidate.name == name]
    if len(offers) > 1:
        listed = " and ".join(f"{c.distribution} {c.version} ({c.target})" for c in offers)
        raise PluginError(
            f"two plugins are named {name!r}: {listed}; uninstall one of the two distributions"
        )


def choose(
    candidates: Sequence[Candidate], plugins: PluginSettings, strategy: str
) -> tuple[Candidate, ...]:
    """Choose the plugins to ask, in the order in which they are asked.

    Args:
        candidates: what is installed.
        plugins: which are enabled; if that is not said, those that have settings, and if none
            has, replant's own.
        strategy: a plugin of this name is chosen as well, so that naming a strategy is enough.

    Raises:
        ConfigurationError: a name is not installed; the nearest right name is given. Or a plugin
            has settings, and is not enabled.
        PluginError: nothing is installed, not even replant's own plugins; or two distributions
            offer a plugin that is chosen.

    """
    if not candidates:
        raise PluginError(
            "no plugin is installed, not even replant's own: its entry points are missing; "
            "install it again with 'pip install replant' (or 'pip install -e .' in a checkout)"
        )
    installed = {candidate.name: candidate for candidate in candidates}
    files = [candidate.name for candidate in candidates if candidate.is_file]
    if plugins.enable is not None:
        names = [plugin_name(name) if is_file(name) else name for name in plugins.enable]
        _check_replaced(names, files)
    elif plugins.settings:
        names = list(plugins.settings)
    else:
        names = [c.name for c in candidates if c.distribution == OWN_DISTRIBUTION]
    names = list(dict.fromkeys((*names, *files)))
    problems = [
        not_installed("plugins.enable", name, installed) for name in names if name not in installed
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
    if strategy in installed and strategy not in names:
        names.append(strategy)
    idle = [name for name in plugins.settings if name in installed and name not in names]
    if idle:
        raise ConfigurationError("\n".join(map(_not_enabled, idle)))
    for name in names:
        check_unique(name, candidates)
    return tuple(installed[name] for name in names)


def _check_replaced(names: Sequence[str], files: Sequence[str]) -> None:
    """Refuse a name that stands for an installed plugin and for a file.

    Raises:
        ConfigurationError: it has each such name.

    """
    problems = [
        f"plugins.enable: {name!r} is the name of an installed plugin and of a file; rename the "
        f"file, or take one of them out"
        for name in dict.fromkeys(names)
        if name in files and names.count(name) > 1
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def load_entry(entry: EntryPoint, what: str) -> object:
    """Import what an entry point leads to.

    Args:
        entry: names an object in a distribution.
        what: what the object should be, for messages.

    Raises:
        PluginError: the import fails; also SystemExit would be its end, not replant's.

    """
    try:
        return entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            f"{what} {entry.name!r} ({entry_distribution(entry)}) cannot be imported from "
            f"{entry.value}: {one_line(error)}; repair or uninstall its distribution"
        ) from error


def entry_distribution(entry: EntryPoint) -> str:
    """Write the distribution of an entry point as an error names it."""
    distribution = entry.dist
    return f"distribution {distribution.name} {distribution.version}" if distribution else "unknown"


def load(candidate: Candidate) -> LoadedPlugin:
    """Import a plugin.

    Raises:
        PluginError: the import fails, or what it leads to cannot be a plugin.

    """
    entry = EntryPoint(candidate.name, candidate.target, GROUP)
    try:
        implementation = import_file(candidate.target) if candidate.is_file else entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also SystemExit would be its end, not replant's
        raise PluginError(
            f"{candidate} cannot be imported from {candidate.target}: "
            f"{one_line(error)}; {_repair(candidate)}"
        ) from error
    if isinstance(implementation, type):
        raise PluginError(
            f"{candidate} is the class {implementation.__qualname__}, not a module or an object; "
            f"let the entry point name a module, or an instance of the class"
        )
    return LoadedPlugin(candidate, implementation)


def _repair(candidate: Candidate) -> str:
    if candidate.is_file:
        return "correct the file"
    return (
        f"repair or uninstall {candidate.distribution}, "
        f"or take {candidate.name!r} out of [plugins] enable"
    )


def check_sub_tables(settings: Settings, candidates: Sequence[Candidate]) -> None:
    """Refuse a `[plugins.NAME]` of a plugin that is not installed.

    Raises:
        ConfigurationError: one is not.

    """
    installed = [candidate.name for candidate in candidates]
    problems = [
        not_installed(f"plugins.{name}", name, installed)
        for name in settings.plugins.settings
        if name not in installed
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    if distribution is None:
        return "?", "?"
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]


def _in_file(path: str) -> Candidate:
    return Candidate(plugin_name(path), Path(path).name, version_of(path), path, is_file=True)


def _not_enabled(name: str) -> str:
    """Say that nobody would read the settings of a plugin; options of the command may be them."""
    options = " (as --include, --exclude, --root and --scope-column do)" * (name == "schemas")
    return (
        f"plugins.{name}: the plugin is not enabled, so what is set here{options} would change "
        f"nothing; add {name!r} to [plugins] enable, or leave the settings out"
    )


def not_installed(path: str, name: str, installed: Iterable[str]) -> str:
    """Say that a configured name is of no installed plugin, and which names there are."""
    names = sorted(installed)
    meant = did_you_mean(name, names, "did you mean {!r}? ")
    return f"{path}: no plugin {name!r} is installed; {meant}installed are: {', '.join(names)}"
