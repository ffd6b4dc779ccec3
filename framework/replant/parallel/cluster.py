"""Uses a Dask cluster in place of processes on this machine."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any, TypeVar

from attrs import frozen

from replant.errors import ReplantError, UsageError

Result = TypeVar("Result")

#: Seconds to wait for the scheduler, and then for the first worker.
_PATIENCE = 20

#: How often a task is given to another worker after the one that had it was lost. The scheduler
#: has a limit of its own: `distributed.scheduler.allowed-failures`.
_RETRIES = 2


@frozen
class Cluster:
    """A cluster that answers.

    Attributes:
        executor: hands tasks to its workers.
        threads: how many tasks they run at the same time.

    """

    executor: Executor
    threads: int
    _client: Any

    def share(self, value: object) -> Any:
        """Send a value to all workers once; it is passed to tasks as the value itself.

        If all workers are lost that had it, tasks take it along.
        """
        return _Shared(value, self._client.scatter(value, broadcast=True))


@contextmanager
def connected_cluster(url: str) -> Iterator[Cluster]:
    """Connect to the scheduler at `dask://HOST:PORT`.

    Raises:
        UsageError: the package is missing, nobody answers, or there is no worker.

    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise UsageError(f"{url} needs Dask: pip install 'replant[dask]'") from error
    address = f"tcp://{url.removeprefix('dask://')}"
    try:
        client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise UsageError(f"no Dask scheduler answers at {url}: {error}") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise UsageError(f"the Dask scheduler at {url} has no worker; start one") from error
        yield Cluster(_DaskExecutor(client), sum(client.nthreads().values()), client)


@frozen
class _Shared:
    """A value, and what stands for it on the workers that had come when it was sent."""

    value: object
    sent: Any


class _DaskExecutor(Executor):
    """An executor whose errors are those of the tasks, or `BrokenExecutor`."""

    def __init__(self, client: Any) -> None:
        self._executor = client.get_executor(pure=False, retries=_RETRIES)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a task to a worker."""
        told: Future[Any] = Future()
        sent = [one.sent if isinstance(one, _Shared) else one for one in args]
        given: Future[Any] = self._executor.submit(fn, *sent, **kwargs)

        def again(done: Future[Any]) -> None:
            """Give up what was shared: a task is cancelled if nobody has it any more."""
            if not done.cancelled():
                _tell(done, told)
                return
            whole = [one.value if isinstance(one, _Shared) else one for one in args]
            last: Future[Any] = self._executor.submit(fn, *whole, **kwargs)
            last.add_done_callback(lambda done: _tell(done, told))

        given.add_done_callback(again)
        return told


def _tell(done: Future[Any], told: Future[Any]) -> None:
    if done.cancelled():
        told.set_exception(BrokenExecutor("the cluster gave a task up"))
        return
    error = done.exception()
    if error is None:
        told.set_result(done.result())
    elif isinstance(error, ReplantError):
        told.set_exception(error)
    else:
        broken = BrokenExecutor(f"{type(error).__name__}: {error}")
        broken.__cause__ = error
        told.set_exception(broken)
