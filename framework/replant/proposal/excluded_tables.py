"""Finds tables that are mostly left out of a copy, by their kind and by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from replant.model import RelationName, Table
from replant.proposal.table_sizes import TableFacts

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

#: Where tools that change schemas note what they have done.
_MIGRATIONS = frozenset(
    [
        "alembic_version",
        "ar_internal_metadata",
        "atlas_schema_revisions",
        "databasechangelog",
        "databasechangeloglock",
        "django_migrations",
        "drizzle_migrations",
        "ef_migrations_history",
        "flyway_schema_history",
        "goose_db_version",
        "gorp_migrations",
        "knex_migrations",
        "knex_migrations_lock",
        "migrations",
        "pgmigrations",
        "prisma_migrations",
        "schema_migration",
        "schema_migrations",
        "schema_version",
        "sequelize_meta",
        "typeorm_metadata",
        "typeorm_migrations",
    ]
)

#: Schemas of job queues.
_QUEUE_SCHEMAS = frozenset(["graphile_worker", "pgboss", "pgmq", "que", "cron"])
_QUEUES = frozenset(
    [
        "async_job",
        "background_job",
        "delayed_job",
        "dead_job",
        "failed_job",
        "finished_job",
        "good_job",
        "job_batch",
        "job_queue",
        "job_run",
        "oban_job",
        "que_job",
        "queued_job",
        "river_job",
        "scheduled_job",
        "solid_queue_job",
        "sidekiq_job",
        "task_queue",
        "celery_taskmeta",
        "celery_tasksetmeta",
        "outbox",
        "inbox",
    ]
)
_LOGS = frozenset(["log", "audit", "changelog", "auditlog"])
_COPIES = frozenset(["tmp", "temp", "bak", "backup"])

#: What a job has that is not a line of work.
_QUEUED = frozenset(
    ["attempts", "payload", "run_at", "locked_at", "locked_by", "reserved_at", "queue"]
)


def words(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words: `order_items`, `OrderItems`, `orderItems` are alike."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def singular(word: str) -> str:
    """Return the singular of an English word, by the rules that suit most names of tables."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + instead
    if len(word) > 1 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stem(name: str) -> str:
    """Return a name in lower case, its words joined by `_`, the last of them singular."""
    found = words(name)
    return "_".join((*found[:-1], singular(found[-1]))) if found else name


def reason_to_leave_out(table: Table, facts: TableFacts) -> str | None:
    """Say why a table is mostly left out; None if nothing suggests it."""
    if facts.extension is not None:
        return f"it belongs to the extension {facts.extension}, which brings its rows"
    if facts.unlogged:
        return "it is UNLOGGED: its rows need not survive a crash"
    return _by_name(table)


def _by_name(table: Table) -> str | None:
    found = words(table.name.name)
    if not found:
        return None
    first, last, name = found[0], singular(found[-1]), stem(table.name.name)
    signs = {
        "it notes the migrations of this database, and the target has its own": (
            bool({name, "_".join(found)} & _MIGRATIONS)
        ),
        "it looks like a log": last in _LOGS or first in {"audit", "log", "logs"},
        "it looks like login sessions": last == "session" and _is_login(found[:-1]),
        "it looks like a queue of jobs": (
            table.name.schema in _QUEUE_SCHEMAS or name in _QUEUES or _is_queue(table, last)
        ),
        "it looks like a cache": last == "cache",
        "it looks like a copy that somebody left": last in _COPIES or first in {"tmp", "temp"},
    }
    return next((reason for reason, holds in signs.items() if holds), None)


def _is_login(before: tuple[str, ...]) -> bool:
    return not before or before[-1] in {"user", "login", "auth", "web", "http", "django", "php"}


def _is_queue(table: Table, last: str) -> bool:
    if last == "queue":
        return True
    return last in {"job", "task"} and len(_QUEUED & {c.name for c in table.columns}) > 1


def unneeded(
    tables: Mapping[RelationName, Table],
    reasons: Mapping[RelationName, str],
    always: Iterable[RelationName],
) -> frozenset[RelationName]:
    """Return the tables that are mostly left out and that no remaining table references.

    Args:
        tables: all tables.
        reasons: why some of them may be left out.
        always: those of them that are left out whatever references them.

    """
    found, always = set(reasons), set(always)
    while True:
        needed = {
            key.references
            for name, table in tables.items()
            if name not in found
            for key in table.foreign_keys
        }
        if not (needed & found) - always:
            return frozenset(found)
        found -= needed - always
