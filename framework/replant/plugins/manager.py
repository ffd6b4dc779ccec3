"""Asks the enabled plugins, through one typed method for each hook.

Nobody else calls pluggy. Each plugin is asked by itself, so an answer, and a failure, is known by
the plugin that gave it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any

from attrs import evolve, field, frozen
from pluggy import HookCaller

from replant.config.mistakes import Mistakes
from replant.errors import ConfigurationError, PluginError, UsageError
from replant.model import (
    ArtifactFormat,
    Catalog,
    Column,
    Exclusion,
    ExportedTables,
    LoadOrder,
    OrderRequest,
    PlannedWriting,
    PluginSettings,
    PythonFunction,
    PythonRow,
    Registration,
    RelationName,
    RowFormat,
    Settings,
    SqlExpression,
    Table,
    Transform,
)
from replant.model.names import readable
from replant.plugins import discovery
from replant.plugins.answers import Registered, RegisteredTables, Rendering, Transforming
from replant.plugins.declaration import Declaration
from replant.plugins.declared_names import plugins_that_declare
from replant.plugins.discovery import LoadedPlugin
from replant.plugins.guarded import GuardedFunction, GuardedRow, one_line
from replant.plugins.guarded_writers import GuardedWriters
from replant.plugins.load_order_checks import check_order
from replant.plugins.own_settings import OwnSettings
from replant.plugins.registering import implemented_hooks, new_manager, register

#: The plugin that reads `[[tables]] mask`.
MASK = "mask"


@frozen
class ColumnTransforms:
    """Asks the plugins how values change, under one configuration and for one export."""

    host: Host
    catalog: Catalog
    settings: Settings
    exported: ExportedTables = field(factory=ExportedTables)

    def chain(self, table: Table, column: Column) -> tuple[Transforming, ...]:
        """Return the transforms of a column; see `Host.transform_value`."""
        return self.host.transform_value(table, column, self)


class Host:
    """The enabled plugins, in the order of the configuration."""

    def __init__(self, plugins: Sequence[LoadedPlugin]) -> None:
        """Register the plugins with a manager of this host's own.

        Raises:
            PluginError: a hook is misspelt, or has a parameter that its specification lacks.

        """
        self._manager = new_manager()
        self._plugins = {plugin.candidate.name: plugin for plugin in plugins}
        self._declared = {
            plugin.candidate.name: register(self._manager, plugin) for plugin in plugins
        }
        self._settings = OwnSettings(self._declared)
        self._callers: dict[str, list[tuple[str, HookCaller]]] = {}

    @classmethod
    def for_settings(cls, settings: Settings) -> Host:
        """Discover, choose and import the plugins that a configuration enables.

        Raises:
            ConfigurationError: the configuration names a plugin that is not installed.
            PluginError: a plugin cannot be loaded.

        """
        candidates = discovery.find(settings.plugins)
        discovery.check_sub_tables(settings, candidates)
        chosen = discovery.choose(candidates, settings.plugins, settings.export.strategy)
        host = cls([discovery.load(candidate) for candidate in chosen])
        host.check_settings(settings)
        return host

    def check_settings(self, settings: Settings) -> None:
        """Refuse settings that their plugin cannot read, and those that nobody would read.

        Raises:
            ConfigurationError: it has all mistakes, each with its path.

        """
        mistakes = Mistakes()
        with mistakes.collecting():
            self._settings.check(settings.plugins)
        with mistakes.collecting():
            self.check_masks(settings)
        mistakes.check()

    def missing_names(self, catalog: Catalog, settings: Settings) -> Iterator[str]:
        """Yield the mistakes in the plugins' settings that only a database shows.

        Those are tables and columns that it does not have, and secrets that are not there.
        """
        return self._settings.missing_names(settings.plugins, catalog)

    def forgiving(self, catalog: Catalog, settings: Settings) -> Host:
        """Return a host whose plugins get no names of their settings that the database lacks.

        It is for finding other mistakes, once these are known, and never for an export.
        """
        found = copy(self)
        found._settings = self._settings.forgiving(settings.plugins, catalog)
        return found

    def check_masks(self, settings: Settings) -> None:
        """Refuse masks of tables when the plugin that makes them is not asked.

        Raises:
            ConfigurationError: the values would leave as they are.

        """
        problems = [
            f"{settings.path_of(change.name)}.mask: the plugin {MASK!r} is not enabled, so no "
            f"value would be masked; add {MASK!r} to [plugins] enable"
            for change in settings.tables
            if change.mask and not self._masks
        ]
        if problems:
            raise ConfigurationError("\n".join(problems))

    @property
    def _masks(self) -> bool:
        """Whether the plugin that reads `[[tables]] mask` is enabled; no file takes its place."""
        return MASK in self._plugins and not self._plugins[MASK].candidate.is_file

    @property
    def versions(self) -> dict[str, str]:
        """Plugin name to `distribution version`, sorted by name."""
        return {
            name: f"{plugin.candidate.distribution} {plugin.candidate.version}"
            for name, plugin in sorted(self._plugins.items())
        }

    def describe(self, name: str) -> str:
        """Write a plugin as an error names it, with its distribution."""
        return str(self._plugins[name].candidate)

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """Return the hooks that the plugin implements, in the order in which they are called."""
        return implemented_hooks(self._manager, self._plugins[name])

    @property
    def declared(self) -> Mapping[str, Declaration]:
        """What each plugin declares, by its name."""
        return self._declared

    def register_tables(self, catalog: Catalog, settings: Settings) -> RegisteredTables:
        """Return all registrations of all plugins, and what they exclude.

        Raises:
            ConfigurationError: plugins find mistakes in their settings; it has those of all.
            PluginError: a plugin fails, answers with something else, or two register one table.

        """
        found: dict[RelationName, Registered] = {}
        excluded: dict[RelationName, str] = {}
        mistakes = Mistakes()
        answers = self._answers(
            "register_tables", settings.plugins, mistakes, catalog=catalog, configuration=settings
        )
        for name, answer in answers:
            for item in self._is(name, "register_tables", answer, (list, tuple)):
                said = self._is(name, "register_tables", item, (Registration, Exclusion))
                if isinstance(said, Exclusion):
                    excluded[said.table] = said.by
                    continue
                earlier = found.get(said.table)
                if earlier is not None:
                    raise PluginError(_registered_twice(said.table, earlier.plugin, name))
                found[said.table] = Registered(name, said)
        mistakes.check()
        return RegisteredTables(
            tuple(found[table] for table in sorted(found)),
            {table: by for table, by in sorted(excluded.items()) if table not in found},
        )

    def transform_value(
        self, table: Table, column: Column, asked: ColumnTransforms
    ) -> tuple[Transforming, ...]:
        """Return the chain of transforms for a column, first to last.

        Raises:
            ConfigurationError: plugins find mistakes in their settings; it has those of all.
            PluginError: a plugin fails, or answers with something else.

        """
        mistakes = Mistakes()
        place = f"{table.name}.{readable(column.name)}"
        chain = []
        answers = self._answers(
            "transform_value",
            asked.settings.plugins,
            mistakes,
            table=table,
            column=column,
            catalog=asked.catalog,
            configuration=asked.settings,
            exported=asked.exported,
        )
        for name, answer in answers:
            kinds = (SqlExpression, PythonFunction)
            transform: Transform = self._is(name, "transform_value", answer, kinds)
            if isinstance(transform, PythonFunction):
                guarded = GuardedFunction(transform.function, self.describe(name), place)
                if transform.given is not None:
                    chain.append(Transforming(name, SqlExpression(transform.given, how="")))
                transform = PythonFunction(guarded, transform.how)
            chain.append(Transforming(name, transform))
        mistakes.check()
        return tuple(chain)

    def render_row(
        self, table: Table, columns: Sequence[Column], format_name: str, said: PluginSettings
    ) -> Rendering:
        """Return how the first plugin that knows the format renders a row of the table.

        Raises:
            ConfigurationError: no enabled plugin knows the format.
            PluginError: a plugin fails, or answers with something else.

        """
        knowing = self.that_declare_format(format_name)
        answers = self._answers(
            "render_row", said, None, knowing, table=table, columns=columns, format=format_name
        )
        for name, answer in answers:
            row_format: RowFormat = self._is(name, "render_row", answer, (SqlExpression, PythonRow))
            if isinstance(row_format, PythonRow):
                guarded = GuardedRow(row_format.function, self.describe(name), str(table.name))
                row_format = PythonRow(guarded)
            return Rendering(name, row_format)
        raise PluginError(
            f"{_and(self.describe(name) for name in knowing)} declares the format {format_name!r}, "
            f"and does not say how rows of {table.name} are rendered in it; update it"
        )

    def write_artifact(
        self, tables: Sequence[tuple[Table, tuple[Column, ...]]], name: str, said: PluginSettings
    ) -> PlannedWriting | None:
        """Return how the first plugin that writes whole artifacts in the format does so.

        Raises:
            ConfigurationError: no enabled plugin declares the format.
            PluginError: a plugin fails, or answers with something else.

        """
        knowing = self.that_declare_format(name)
        answers = self._answers("write_artifact", said, None, knowing, tables=tables, format=name)
        for plugin, answer in answers:
            written: ArtifactFormat = self._is(plugin, "write_artifact", answer, (ArtifactFormat,))
            guarded = GuardedWriters(written.open, self.describe(plugin))
            return PlannedWriting(plugin, evolve(written, open=guarded), tuple(tables))
        return None

    def that_declare_format(self, name: str) -> tuple[str, ...]:
        """Return the plugins that declare a format.

        Raises:
            ConfigurationError: none does; the nearest declared name is given, and all of them.

        """
        return plugins_that_declare("format", name, self._declared)

    def check_strategy(self, name: str) -> None:
        """Refuse a strategy that no plugin declares.

        Raises:
            ConfigurationError: none does; the nearest declared name is given, and all of them.

        """
        plugins_that_declare("strategy", name, self._declared)

    def order_tables(self, request: OrderRequest, said: PluginSettings) -> LoadOrder:
        """Return the load order of the one plugin that knows the strategy.

        Raises:
            ConfigurationError: no enabled plugin knows the strategy.
            PluginError: a plugin fails, answers with something else, or two answer; or the order
                cannot be carried out.

        """
        name, *others = plugins_that_declare("strategy", request.strategy, self._declared)
        if others:
            names = _and(self.describe(plugin) for plugin in (name, *others))
            raise PluginError(
                f"strategy {request.strategy!r} is declared by {names}; "
                f"take all but one of them out of [plugins] enable"
            )
        answers = [*self._answers("order_tables", said, None, (name,), request=request)]
        if not answers:
            raise PluginError(
                f"{self.describe(name)} declares the strategy {request.strategy!r}, and gives no "
                f"load order for it; update it, or choose another strategy"
            )
        order: LoadOrder = self._is(name, "order_tables", answers[0][1], (LoadOrder,))
        try:
            check_order(order, request.tables, request.keyed)
        except ValueError as error:
            raise PluginError(
                f"{self._plugins[name].candidate} answered order_tables with an order that cannot "
                f"be carried out: {error}; choose another strategy"
            ) from error
        return order

    def _answers(
        self,
        hook: str,
        said: PluginSettings,
        mistakes: Mistakes | None = None,
        plugins: Collection[str] | None = None,
        **arguments: Any,
    ) -> Iterator[tuple[str, Any]]:
        """Yield the answers of the plugins that implement the hook, except None.

        Args:
            hook: its name.
            said: what the configuration says of plugins; each gets its own part as `settings`.
            mistakes: gets the mistakes that plugins find in their settings; without it, the
                first is raised.
            plugins: the names of those that are asked; None for all.
            arguments: what the hook is asked.

        """
        for name, ask in self._that_implement(hook):
            if plugins is not None and name not in plugins:
                continue
            try:
                answers = ask(settings=self._settings.of(name, said), **arguments)
            except ConfigurationError as error:
                # The plugin found a mistake in its settings, and said so.
                if mistakes is None:
                    raise
                mistakes.add(*str(error).splitlines())
                continue
            except (UsageError, KeyboardInterrupt):
                raise
            except BaseException as error:  # also SystemExit would be its end, not replant's
                raise PluginError(
                    f"{self._plugins[name].candidate} failed in {hook}: {one_line(error)}; "
                    f"update it, or take {name!r} out of [plugins] enable"
                ) from error
            for answer in answers:
                yield name, answer

    def _that_implement(self, hook: str) -> list[tuple[str, HookCaller]]:
        """Return the plugins that implement a hook, and what asks each alone.

        Every column of every table is asked for, so what asks is made once.
        """
        if hook not in self._callers:
            every = {name: plugin.implementation for name, plugin in self._plugins.items()}
            alone = (
                (name, [other for other in every.values() if other is not one])
                for name, one in every.items()
            )
            asked = [(name, self._manager.subset_hook_caller(hook, rest)) for name, rest in alone]
            self._callers[hook] = [(name, ask) for name, ask in asked if ask.get_hookimpls()]
        return self._callers[hook]

    def _is(self, name: str, hook: str, answer: Any, kinds: tuple[type, ...]) -> Any:
        if isinstance(answer, kinds):
            return answer
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise PluginError(
            f"{self._plugins[name].candidate} answered {hook} with "
            f"{type(answer).__name__}, not {wanted}; "
            f"update it, or take {name!r} out of [plugins] enable"
        )


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)


def _registered_twice(table: RelationName, first: str, second: str) -> str:
    if first == second:
        return f"the plugin {first!r} registers the table {table} twice; update the plugin"
    return (
        f"the table {table} is registered by the plugin {first!r} and by the plugin {second!r}; "
        f"take one of them out of [plugins] enable"
    )
