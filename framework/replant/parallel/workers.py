"""Starts the processes that work beside this one, and ends them when it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from replant.database.connections import ReadingConnection, is_near
from replant.database.shared_snapshot import SharedSnapshot, share_by_name, share_snapshot
from replant.model import RunSettings
from replant.parallel.cluster import connected_cluster


@frozen
class Workers:
    """An executor, and what its tasks need to read the rows of one transaction.

    Attributes:
        executor: runs tasks; they are pickled.
        jobs: how many it runs at the same time.
        snapshot: the transaction's.
        folder: where tasks leave rows for this process, on a file system that both see; None
            where rows come back with the result.

    """

    executor: Executor
    jobs: int
    snapshot: SharedSnapshot
    folder: Path | None


@contextmanager
def open_workers(
    database: ReadingConnection, side: str, run: RunSettings, dsn: str | None
) -> Iterator[Workers | None]:
    """Start processes for a block, or use a cluster, in the snapshot of an open transaction.

    There are none for one job.

    Args:
        database: in the transaction.
        side: `source` or `target`, for errors.
        run: how many processes, or which cluster.
        dsn: what the configuration says of the database, for machines of a cluster.

    Raises:
        UsageError: the cluster cannot be used.

    """
    if run.executor is None:
        with _processes(database, side, run.jobs) as workers:
            yield workers
        return
    with connected_cluster(run.executor) as cluster:
        snapshot = share_by_name(database, side, dsn)
        yield Workers(cluster.executor, cluster.threads, snapshot, None)


@contextmanager
def _processes(database: ReadingConnection, side: str, jobs: int) -> Iterator[Workers | None]:
    """Start processes on this machine.

    Processes start when the first task comes. What is left of them ends with the block, whatever
    it is that ends it. A server on this host needs as many processors as they do.
    """
    if is_near(database):
        jobs = min(jobs, max(1, processors() // 2))
    if jobs == 1:
        yield None
        return
    others = {child.pid for child in multiprocessing.active_children()}
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(jobs, context, initializer=_prepare)
    try:
        with TemporaryDirectory(prefix="replant-", ignore_cleanup_errors=True) as folder:
            yield Workers(executor, jobs, share_snapshot(database, side), Path(folder))
    except BaseException:
        for child in multiprocessing.active_children():
            if child.pid not in others:
                child.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _prepare() -> None:
    """Let Ctrl-C be answered by the process that gives the tasks, and end when it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
