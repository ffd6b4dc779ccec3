"""Runs a round trip: rows go to a source, and by an artifact to a target; differences come out.

Whether they arrived is asked of the two servers, and not of the code that moved them; only what a
transform made of a value is asked of `verify`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from attrs import evolve, frozen

from replant import api
from replant.api import Exported
from replant.errors import DanglingReferenceError
from replant.model import Dangling, KeyIsNot, Plan, RelationName, Settings
from replant.plugins.manager import Host
from replant.testing.conformance.expected_rows import expected_rows
from replant.testing.rows import Rows, first_difference
from replant.testing.servers.example_database import ExampleDatabase, breaks

Scope = Mapping[str, str]

_NO_ROWS: Rows = {}


@frozen
class ReplayMethod:
    """How rows are written into the target.

    Attributes:
        strategy: the name of the one that orders the load.
        host: the plugins that are asked.
        role: who writes; None for the superuser of the target's connection string.

    """

    strategy: str
    host: Host
    role: str | None = None

    def __str__(self) -> str:
        """For people."""
        return f"strategy {self.strategy}, as {self.role or 'a superuser'}"

    @classmethod
    def of(cls, settings: Settings, strategy: str, role: str | None = None) -> ReplayMethod:
        """Return the method with the plugins that the settings enable, found once.

        Raises:
            ReplantError: a plugin is not installed, or cannot be loaded.

        """
        export = evolve(settings.export, strategy=strategy)
        return cls(strategy, Host.for_settings(evolve(settings, export=export)), role)


@frozen
class RoundTrip:
    """A source, a target, and what lies between them.

    Attributes:
        source: the tables that rows are exported from.
        target: the same tables in another database.
        settings: those of the exports; source, target, scope and output are set for each.
        artifact: the path of every artifact; one takes the place of the one before.

    """

    source: ExampleDatabase
    target: ExampleDatabase
    settings: Settings
    artifact: Path

    def unlike(self, exported: Exported, scope: Scope, method: ReplayMethod) -> str | None:
        """Return the first difference in the target after a replay; None if there is none.

        Raises:
            ReplantError: the artifact cannot be compared with the target.

        """
        found = chain(
            self.unlike_the_source(exported),
            self.unlike_the_registrations(exported, scope, method),
            self.broken_references(exported),
            self.unlike_the_artifact(exported, scope, method),
        )
        return next(found, None)

    def move(self, rows: Rows, scope: Scope, method: ReplayMethod) -> Exported:
        """Export what belongs to the scope of the rows that the source holds, and replay it.

        Raises:
            DanglingReferenceError: the rows cannot be moved: they reference rows outside of the
                export, and have no key by which they could be left out.
            ReplantError: the rows were refused on the way.

        """
        exported = self.export(scope, method)
        self.replay(scope, method, beforehand=self.needed_beforehand(exported, rows))
        return exported

    def export(
        self, scope: Scope, method: ReplayMethod, *, other_source: ExampleDatabase | None = None
    ) -> Exported:
        """Export what belongs to the scope, which may be nothing, from the source or another side.

        Rows that reference rows outside of the export stay where they are, unless the settings say
        what becomes of them: drawn rows reference each other as they like.

        Raises:
            ReplantError: see `replant.errors`.

        """
        settings = self.settings_for(scope, method, other_source=other_source)
        try:
            return api.export(settings, host=method.host, force=True)
        except DanglingReferenceError:
            return api.export(_leaving_out(settings), host=method.host, force=True)

    def needed_beforehand(self, exported: Exported, rows: Rows) -> Rows:
        """Return the rows of unregistered tables that a target must have before a replay."""
        tables = {table.name for table in exported.plan.tables}
        needed = tables | set()
        pending = list(tables)
        while pending:
            for key in self.source.catalog.tables[pending.pop()].foreign_keys:
                if key.references not in needed:
                    needed.add(key.references)
                    pending.append(key.references)
        return {name: held for name, held in rows.items() if name in needed - tables}

    def replay(self, scope: Scope, method: ReplayMethod, *, beforehand: Rows = _NO_ROWS) -> None:
        """Load the artifact into the target, which holds what it is given beforehand.

        Raises:
            ReplantError: see `replant.errors`.

        """
        self.target.hold(beforehand, unchecked=True)
        settings = self.settings_for(scope, method)
        if method.role is not None:
            settings = evolve(settings, target=self.target.database.as_role(method.role))
        api.replay(str(self.artifact), settings, strategy=method.strategy, host=method.host)

    def settings_for(
        self, scope: Scope, method: ReplayMethod, *, other_source: ExampleDatabase | None = None
    ) -> Settings:
        """Return the settings of an export from the source, or from another database."""
        return evolve(
            self.settings,
            source=(other_source or self.source).database.dsn,
            target=self.target.database.dsn,
            scope=scope,
            export=evolve(
                self.settings.export,
                output=str(self.artifact),
                strategy=method.strategy,
                allow_empty=True,
            ),
        )

    def unlike_the_source(self, exported: Exported) -> Iterator[str]:
        """Yield rows of the target that are not rows of the source, or occur more often."""
        without = self._unlike_columns(exported.plan)
        arrived = self.target.contents(without, without=without)
        given = self.source.contents(without, without=without)
        for name, rows in arrived.items():
            for row in Counter(rows) - Counter(given[name]):
                yield f"{name}: the row ({', '.join(row)}) came, and is not a row of the source"

    def unlike_the_registrations(
        self, exported: Exported, scope: Scope, method: ReplayMethod
    ) -> Iterator[str]:
        """Yield rows that the registrations ask for and that did not come, or the reverse."""
        if _left_some_out(exported.plan):
            return  # what should come depends on what else comes
        asked = method.host.register_tables(self.source.catalog, self.settings_for(scope, method))
        scoped = evolve(self.settings, scope=scope)
        known = expected_rows(self.source.catalog, asked.registered, scoped)
        without = self._unlike_columns(exported.plan)
        expected = self.source.contents(known, without=without, where=known)
        difference = first_difference(expected, self.target.contents(known, without=without))
        if difference is not None:
            yield difference

    def broken_references(self, exported: Exported) -> Iterator[str]:
        """Yield the foreign keys of the exported tables that a row of the target breaks.

        One can that was loaded with them switched off.
        """
        for table in exported.plan.tables:
            for key in self.target.catalog.tables[table.name].foreign_keys:
                if key.enforced and breaks(self.target.connection, key):
                    yield f"the foreign key {key} is broken in the target"

    def unlike_the_artifact(
        self, exported: Exported, scope: Scope, method: ReplayMethod
    ) -> Iterator[str]:
        """Yield tables that do not hold what was exported, with transformed values.

        Raises:
            ReplantError: the artifact cannot be compared with the target.

        """
        for result in api.verify(str(self.artifact), self.settings_for(scope, method)):
            count = exported.rows.get(result.name, 0)
            if not result.equal:
                yield f"{result.name}: {'; '.join(map(str, result.differences)) or result.unseen}"
            elif result.exported != count:
                held = f"{result.exported} are in the artifact"
                yield f"{result.name}: {count} rows were exported, {held}"

    def _unlike_columns(self, plan: Plan) -> dict[RelationName, Sequence[str]]:
        """Return the columns of each exported table whose values need not be the source's."""
        found: dict[RelationName, Sequence[str]] = {}
        for table in plan.tables:
            plain = {column.name for column in table.columns if not column.transforms}
            names = [column.name for column in self.source.catalog.tables[table.name].columns]
            found[table.name] = [name for name in names if name not in plain]
        return found


def _left_some_out(plan: Plan) -> bool:
    """Return whether rows were left out because they reference rows that are not exported."""
    chosen = plan.selection.values()
    return any(isinstance(condition, KeyIsNot) for rows in chosen for condition in rows.conditions)


def _leaving_out(settings: Settings) -> Settings:
    """Return the same settings, with rows left out that would make the export fail."""
    fail, leave_out = Dangling.FAIL, Dangling.LEAVE_OUT
    export = settings.export
    if export.dangling is fail:
        export = evolve(export, dangling=leave_out)
    tables = tuple(
        evolve(table, dangling=leave_out) if table.dangling is fail else table
        for table in settings.tables
    )
    return evolve(settings, export=export, tables=tables)
