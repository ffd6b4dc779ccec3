"""Writes an artifact for each of many tenants."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import evolve, field, fields, frozen, has

from replant.api.databases import source_database
from replant.api.plan import plan_in
from replant.artifact import directory_writer as directory
from replant.artifact.atomic_output import check_writable, is_there, remove_unfinished
from replant.artifact.stores import is_url
from replant.config.naming_the_file import naming_the_file
from replant.database.connections import ReadingConnection, translated
from replant.database.shared_snapshot import check_no_password
from replant.database.table_locks import KnownCatalog, know_catalog
from replant.errors import ConfigurationError, DatabaseError, PluginError, ReplantError, UsageError
from replant.export.export_rows import export_rows
from replant.export.journal import Journal, open_journal
from replant.export.tenant_list import Tenant, list_tenants
from replant.model import Layout, Progress, RunSettings, Settings
from replant.model.progress import silent
from replant.parallel.cluster import connected_cluster
from replant.plugins.manager import Host

#: Where the journal is, if nobody says it.
JOURNAL = "replant.journal"


@frozen
class ExportedTenant:
    """The export of one tenant.

    Attributes:
        rows: how many rows were written.
        digest: the SHA-256 over its artifact.
        error: why it failed; empty if it did not.

    """

    tenant: Tenant
    rows: int = 0
    digest: str | None = None
    error: str = ""


@frozen
class ExportedEach:
    """The exports of many tenants.

    Attributes:
        tenants: those that had their turn.
        earlier: how many were done by the run that was resumed.

    """

    tenants: tuple[ExportedTenant, ...] = field()
    earlier: int = 0

    @property
    def failed(self) -> tuple[ExportedTenant, ...]:
        """Those whose export failed."""
        return tuple(each for each in self.tenants if each.error)


def export_each(
    settings: Settings,
    query: str,
    *,
    host: Host | None = None,
    journal: str | None = None,
    resume: bool = False,
    force: bool = False,
    listed: Callable[[int], None] = lambda _: None,
    exported: Callable[[ExportedTenant], None] = lambda _: None,
    progress: Progress = silent,
) -> ExportedEach:
    """Write an artifact for each row of a query.

    Each tenant is read in a snapshot of its own. The catalog is read once, and again only if it
    changed. A tenant whose export fails does not keep the others from theirs.

    Args:
        settings: say how to export. Each column of the query is a scope value, and stands for its
            value in braces in `settings.export.output`. An output that ends in a slash is a
            directory.
        query: a SELECT in the source; each row is a tenant.
        host: the plugins to ask; None for those that the settings enable.
        journal: the file that says which tenants are done; None for `replant.journal`.
        resume: whether the run of the journal goes on: what is done is not done again.
        force: whether outputs that exist are replaced.
        listed: told how many tenants have their turn.
        exported: told of each tenant when it has had its turn.
        progress: told of the rows as they are written.

    Raises:
        ReplantError: nothing can be exported at all; see `replant.errors`.

    """
    output = settings.export.output
    if output is None:
        raise UsageError("where should the artifacts go? Give -o with a column in braces: {id}")
    if output.endswith("/"):
        settings = evolve(settings, export=evolve(settings.export, layout=Layout.DIRECTORY))
    asked = {
        "each": query,
        "output": output,
        "scope": dict(settings.scope),
        "configuration": _digest_of(settings),
    }
    results = []
    with naming_the_file(settings), _Source(settings) as source:
        host = host or Host.for_settings(settings)
        tenants = list_tenants(source.database, query, output)
        with open_journal(Path(journal or JOURNAL), asked, resume=resume) as kept:
            left = [
                tenant
                for tenant in tenants
                if tenant.output not in kept.done or not is_there(tenant.output)
            ]
            listed(len(left))
            export_all = _in_cluster if settings.run.executor is not None else _here
            for result in export_all(_Run(source, host, left, kept, progress, force)):
                results.append(result)
                exported(result)
            remove_unfinished(tenant.output for tenant in tenants)
            if not any(result.error for result in results):
                kept.end()
    return ExportedEach(tuple(results), len(tenants) - len(left))


def _digest_of(settings: Settings) -> str:
    """Tell apart what decides how each artifact becomes."""
    kept = (settings.export, settings.plugins, settings.tables, settings.source_settings)
    return sha256(json.dumps(_plain(kept), sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    """Return a value as JSON has it, the same in every process."""
    type_: Any = type(value)
    if has(type_):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(type_)}
    if isinstance(value, Mapping):
        return {str(name): _plain(held) for name, held in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


@frozen
class _Run:
    """What is exported, and how."""

    source: _Source
    host: Host
    tenants: Sequence[Tenant]
    kept: Journal
    progress: Progress
    force: bool

    def begin(self, tenant: Tenant) -> bool:
        """Refuse an output that may not be written, and note the beginning.

        Returns:
            Whether an output that exists is replaced.

        """
        again = self.force or tenant.output in self.kept.begun
        _prepare(self.source.settings, tenant, force=again)
        self.kept.begin(tenant.output)
        return again


def _here(run: _Run) -> Iterator[ExportedTenant]:
    """Export one tenant after the other."""
    for tenant in run.tenants:
        with _noted(run.kept, tenant) as outcome:
            again = run.begin(tenant)
            outcome.append(_export(run.source, run.host, tenant, run.progress, force=again))
        yield from outcome


def _in_cluster(run: _Run) -> Iterator[ExportedTenant]:
    """Let a cluster export several tenants at the same time; its machines ask plugins themselves.

    Whether an output may be written is found out here, before a task is given: a task that is
    given again, after its worker was lost, may find what it has written already.
    """
    settings = run.source.settings
    assert settings.run.executor is not None
    check_no_password(settings.source, "source")
    with connected_cluster(settings.run.executor) as cluster:
        sent = evolve(settings, target=None, run=RunSettings())
        known = cluster.share(know_catalog(run.source.database))
        run.source.database.rollback()
        waiting = deque(run.tenants)
        running: dict[Future[ExportedTenant], Tenant] = {}
        while waiting or running:
            while waiting and len(running) < 2 * cluster.threads:
                tenant = waiting.popleft()
                with _noted(run.kept, tenant, ends=False) as outcome:
                    run.begin(tenant)
                    running[cluster.executor.submit(export_tenant, sent, tenant, known)] = tenant
                yield from outcome
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                with _noted(run.kept, running.pop(future)) as outcome:
                    outcome.append(_result(future))
                yield from outcome


def _result(future: Future[ExportedTenant]) -> ExportedTenant:
    try:
        return future.result()
    except BrokenExecutor as error:
        raise DatabaseError(f"the cluster lost the task: {error}") from error


def export_tenant(settings: Settings, tenant: Tenant, known: KnownCatalog) -> ExportedTenant:
    """Write the artifact of one tenant, on whatever machine it is called.

    Args:
        settings: as for `export_each`; where to connect is looked up on this machine.
        tenant: whose rows.
        known: the catalog of the source as it was read elsewhere.

    Raises:
        ReplantError: see `replant.errors`.

    """
    with naming_the_file(settings), _Source(settings, known) as source:
        host = Host.for_settings(settings)
        return _export(source, host, tenant, silent, force=True)


class _Source:
    """The source; a connection that is lost is opened anew for the next tenant."""

    def __init__(self, settings: Settings, known: KnownCatalog | None = None) -> None:
        self.settings = settings
        self.known = known or KnownCatalog()
        self._opened = source_database(settings)
        self.database: ReadingConnection

    def __enter__(self) -> _Source:
        self.database = self._opened.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(None, None, None)

    def begin(self) -> ReadingConnection:
        """Begin another transaction, with a snapshot of its own."""
        if self.database.closed:
            self.__exit__()
            self._opened = source_database(self.settings)
            self.__enter__()
        self.database.begin_again()
        return self.database


def _prepare(settings: Settings, tenant: Tenant, *, force: bool) -> None:
    """Make the folders above an output, and refuse one that exists."""
    is_folder = settings.export.layout is Layout.DIRECTORY
    if not is_url(tenant.output):
        Path(tenant.output).parent.mkdir(parents=True, exist_ok=True)
    check_writable(tenant.output, force=force, mark=directory.MANIFEST if is_folder else None)


def _export(
    source: _Source, host: Host, tenant: Tenant, progress: Progress, *, force: bool
) -> ExportedTenant:
    """Write the artifact of one tenant."""
    form = evolve(source.settings.export, output=tenant.output)
    scope = {**source.settings.scope, **tenant.values}
    names = tuple(tenant.values)
    settings = evolve(source.settings, scope=scope, tenant_values=names, export=form)
    with translated("source"):
        database = source.begin()
        plan = plan_in(database, host, settings, source.known)
        counts, digest = export_rows(
            database,
            plan,
            tenant.output,
            force=force,
            progress=progress,
            run=settings.run,
            dsn=settings.source,
        )
        # Nobody who alters a table waits for the tenants that are left.
        database.rollback()
    return ExportedTenant(tenant, sum(counts.values()), digest)


@contextmanager
def _noted(
    journal: Journal, tenant: Tenant, *, ends: bool = True
) -> Iterator[list[ExportedTenant]]:
    """Note the end of an export, if it ends here; a failure is a result, unless all would fail."""
    outcome: list[ExportedTenant] = []
    try:
        yield outcome
        if ends:
            journal.finish(tenant.output, outcome[0].rows, outcome[0].digest)
    except (ConfigurationError, PluginError) as error:
        journal.fail(tenant.output, str(error))
        raise
    except ReplantError as error:
        journal.fail(tenant.output, str(error))
        outcome.append(ExportedTenant(tenant, error=str(error)))
