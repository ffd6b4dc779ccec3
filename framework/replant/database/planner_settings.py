"""Sets what the source's planner may choose from, and what it tries to prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from replant.database.connections import DatabaseConnection
from replant.database.session_settings import settings_for_a_while

#: The planner goes to rows by their places, and from each to others by an index. This is right
#: whatever its statistics say. It would rather read a table of 300 000 rows as a whole than 5000 of
#: its pages, and in a database that was never analysed it takes any reference to lead to a
#: two-hundredth of the table. Parallel workers would start anew for each query.
_BY_INDEX: Mapping[str, str] = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "0.01",
}

#: PostgreSQL's defaults.
_ANY_WAY: Mapping[str, str] = {
    "enable_hashjoin": "on",
    "enable_mergejoin": "on",
    "enable_seqscan": "on",
    "max_parallel_workers_per_gather": "2",
    "random_page_cost": "4",
}


@contextmanager
def index_scans_preferred(database: DatabaseConnection) -> Iterator[None]:
    """Let the planner find rows by their places and by indexes alone."""
    with settings_for_a_while(database, _BY_INDEX):
        yield


@contextmanager
def planner_defaults(database: DatabaseConnection) -> Iterator[None]:
    """Let the planner find rows as it likes."""
    with settings_for_a_while(database, _ANY_WAY):
        yield


@contextmanager
def contradictions_proved(database: DatabaseConnection) -> Iterator[None]:
    """Let the planner notice conditions that no row can satisfy."""
    with settings_for_a_while(database, {"constraint_exclusion": "on"}):
        yield
