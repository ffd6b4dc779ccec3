"""Asks the enabled plugins, through one typed method for each hook.

Nobody else calls pluggy. Each plugin is asked by itself, so an answer, and a failure, is known by
the plugin that gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pluggy
from attrs import field, frozen

from replant.errors import ConfigurationError, PluginError, UsageError
from replant.model import (
    OWN_FORMATS,
    Catalog,
    Column,
    ExportedTables,
    LoadOrder,
    OrderRequest,
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
from replant.model.names import did_you_mean, readable
from replant.plugins import discovery, hookspecs
from replant.plugins.discovery import LoadedPlugin
from replant.plugins.guarded import GuardedFunction, GuardedRow, one_line
from replant.plugins.load_order_checks import check_order
from replant.plugins.registering import register

#: The plugin that reads `[[tables]] mask`.
MASK = "mask"


@frozen
class Registered:
    """A registration, with the plugin that made it."""

    plugin: str
    registration: Registration


@frozen
class Transforming:
    """A step in the chain of a column's transforms, with the plugin that gave it."""

    plugin: str
    transform: Transform


@frozen
class Rendering:
    """How rows of a table are rendered, with the plugin that said so."""

    plugin: str
    row_format: RowFormat


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
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._plugins = {plugin.candidate.name: plugin for plugin in plugins}
        for plugin in plugins:
            register(self._manager, plugin)

    @classmethod
    def for_settings(cls, settings: Settings) -> Host:
        """Discover, choose and import the plugins that a configuration enables.

        Raises:
            ConfigurationError: the configuration names a plugin that is not installed.
            PluginError: a plugin cannot be loaded.

        """
        candidates = discovery.find()
        discovery.check_sub_tables(settings, candidates)
        chosen = discovery.choose(candidates, settings.plugins, settings.export.strategy)
        host = cls([discovery.load(candidate) for candidate in chosen])
        host.check_takes_settings(settings)
        host.check_masks(settings)
        return host

    def check_takes_settings(self, settings: Settings) -> None:
        """Refuse settings for a plugin that looks at none: they would change nothing.

        Raises:
            ConfigurationError: no hook of the plugin has the parameter `settings`.

        """
        for name in settings.plugins.settings:
            if name not in self._plugins:
                continue
            callers = self._manager.get_hookcallers(self._plugins[name].implementation) or ()
            taken = [
                impl.argnames
                for caller in callers
                for impl in caller.get_hookimpls()
                if impl.plugin_name == name
            ]
            if not any("settings" in names for names in taken):
                raise ConfigurationError(
                    f"plugins.{name}: the plugin takes no settings; remove this table"
                )

    def check_masks(self, settings: Settings) -> None:
        """Refuse masks of tables when the plugin that makes them is not asked.

        Raises:
            ConfigurationError: the values would leave as they are.

        """
        problems = [
            f"{settings.path_of(change.name)}.mask: the plugin {MASK!r} is not enabled, so no "
            f"value would be masked; add {MASK!r} to [plugins] enable"
            for change in settings.tables
            if change.mask and MASK not in self._plugins
        ]
        if problems:
            raise ConfigurationError("\n".join(problems))

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
        callers = self._manager.get_hookcallers(self._plugins[name].implementation) or ()
        implemented = {caller.name for caller in callers}
        return tuple(hook.__name__ for hook in hookspecs.HOOKS if hook.__name__ in implemented)

    def register_tables(self, catalog: Catalog, settings: Settings) -> tuple[Registered, ...]:
        """Return all registrations of all plugins, sorted by table.

        Raises:
            ConfigurationError: plugins find mistakes in their settings; it has those of all.
            PluginError: a plugin fails, answers with something else, or two register one table.

        """
        found: dict[RelationName, Registered] = {}
        problems: list[str] = []
        answers = self._answers("register_tables", problems, catalog=catalog, settings=settings)
        for name, answer in answers:
            for registration in self._all_are(name, "register_tables", answer, Registration):
                earlier = found.get(registration.table)
                if earlier is not None:
                    raise PluginError(_registered_twice(registration.table, earlier.plugin, name))
                found[registration.table] = Registered(name, registration)
        if problems:
            raise ConfigurationError("\n".join(problems))
        return tuple(found[table] for table in sorted(found))

    def transform_value(
        self, table: Table, column: Column, asked: ColumnTransforms
    ) -> tuple[Transforming, ...]:
        """Return the chain of transforms for a column, first to last.

        Raises:
            ConfigurationError: a plugin finds a mistake in its settings.
            PluginError: a plugin fails, or answers with something else.

        """
        place = f"{table.name}.{readable(column.name)}"
        chain = []
        answers = self._answers(
            "transform_value",
            table=table,
            column=column,
            catalog=asked.catalog,
            settings=asked.settings,
            exported=asked.exported,
        )
        for name, answer in answers:
            kinds = (SqlExpression, PythonFunction)
            transform: Transform = self._is(name, "transform_value", answer, kinds)
            if isinstance(transform, PythonFunction):
                guarded = GuardedFunction(transform.function, self.describe(name), place)
                transform = PythonFunction(guarded, transform.how)
            chain.append(Transforming(name, transform))
        return tuple(chain)

    def render_row(self, table: Table, columns: Sequence[Column], format_name: str) -> Rendering:
        """Return how the first plugin that knows the format renders a row of the table.

        Raises:
            ConfigurationError: no enabled plugin knows the format.
            PluginError: a plugin fails, or answers with something else.

        """
        answers = self._answers("render_row", table=table, columns=columns, format=format_name)
        for name, answer in answers:
            row_format: RowFormat = self._is(name, "render_row", answer, (SqlExpression, PythonRow))
            if isinstance(row_format, PythonRow):
                guarded = GuardedRow(row_format.function, self.describe(name), str(table.name))
                row_format = PythonRow(guarded)
            return Rendering(name, row_format)
        raise ConfigurationError(
            f"export.format: no enabled plugin knows the format {format_name!r}"
            f"{self._known(format_name, 'render_row', 'FORMATS', OWN_FORMATS)}"
        )

    def order_tables(self, request: OrderRequest) -> LoadOrder:
        """Return the load order of the one plugin that knows the strategy.

        Raises:
            ConfigurationError: no enabled plugin knows the strategy.
            PluginError: a plugin fails, answers with something else, or two answer; or the order
                cannot be carried out.

        """
        answers: list[tuple[str, LoadOrder]] = [
            (name, self._is(name, "order_tables", answer, (LoadOrder,)))
            for name, answer in self._answers("order_tables", request=request)
        ]
        if not answers:
            raise ConfigurationError(
                f"export.strategy: no enabled plugin knows the strategy {request.strategy!r}"
                f"{self._known(request.strategy, 'order_tables', 'STRATEGIES', ())}"
            )
        if len(answers) > 1:
            names = " and ".join(str(self._plugins[name].candidate) for name, _ in answers)
            raise PluginError(
                f"strategy {request.strategy!r} is answered by {names}; "
                f"take all but one of them out of [plugins] enable"
            )
        ((name, order),) = answers
        try:
            check_order(order, request.tables, request.keyed)
        except ValueError as error:
            raise PluginError(
                f"{self._plugins[name].candidate} answered order_tables with an order that cannot "
                f"be carried out: {error}; choose another strategy"
            ) from error
        return order

    def _answers(
        self, hook: str, problems: list[str] | None = None, **arguments: Any
    ) -> Iterator[tuple[str, Any]]:
        """Yield the answers of the plugins that implement the hook, except None.

        Args:
            hook: its name.
            problems: gets the mistakes that plugins find in their settings; without it, the
                first is raised.
            arguments: what the hook is asked.

        """
        for name, plugin in self._plugins.items():
            others = [p.implementation for p in self._plugins.values() if p is not plugin]
            ask = self._manager.subset_hook_caller(hook, others)
            if not ask.get_hookimpls():
                continue
            try:
                answers = ask(**arguments)
            except ConfigurationError as error:
                # The plugin found a mistake in its settings, and said so.
                if problems is None:
                    raise
                problems += str(error).splitlines()
                continue
            except (UsageError, KeyboardInterrupt):
                raise
            except BaseException as error:  # also SystemExit would be its end, not replant's
                raise PluginError(
                    f"{plugin.candidate} failed in {hook}: {one_line(error)}; "
                    f"update it, or take {name!r} out of [plugins] enable"
                ) from error
            for answer in answers:
                yield name, answer

    def _is(self, name: str, hook: str, answer: Any, kinds: tuple[type, ...]) -> Any:
        if isinstance(answer, kinds):
            return answer
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise PluginError(
            f"{self._plugins[name].candidate} answered {hook} with "
            f"{type(answer).__name__}, not {wanted}; "
            f"update it, or take {name!r} out of [plugins] enable"
        )

    def _all_are(
        self, name: str, hook: str, answer: Any, kind: type[Registration]
    ) -> Iterator[Registration]:
        for item in self._is(name, hook, answer, (list, tuple)):
            yield self._is(name, hook, item, (kind,))

    def _known(self, name: str, hook: str, listed: str, own: Sequence[str]) -> str:
        """Name the nearest known name, and all that are known.

        A plugin lists its names in an attribute, `STRATEGIES` or `FORMATS`; of one that does not,
        the plugin is named in their place.
        """
        known, silent = list(own), []
        for plugin, loaded in self._plugins.items():
            if hook in self.hooks_of(plugin):
                names = getattr(loaded.implementation, listed, None)
                known += names if isinstance(names, list | tuple) else []
                silent += [] if names else [f"those of the plugin {plugin!r}"]
        meant = did_you_mean(name, known, " did you mean {!r}?")
        return f";{meant} known are: {', '.join([*known, *silent]) or 'none'}"


def _registered_twice(table: RelationName, first: str, second: str) -> str:
    return (
        f"the table {table} is registered by the plugin {first!r} and by the plugin {second!r}; "
        f"take one of them out of [plugins] enable"
    )
