"""README, tutorial and how-tos do what they say, from top to bottom, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from replant.testing.servers.server import Server
from tests.docs.documents import Document
from tests.docs.executed import Said, perform, unexpected_failures
from tests.docs.stages import EXECUTED, stored

Performed = dict[str, Future[list[Said]]]


@pytest.fixture(scope="module")
def performed(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Performed]:
    """The documents of this run, two at a time: each waits half of its time for a server."""
    stored(server)  # before two threads ask for the same templates
    pool = ThreadPoolExecutor(2)
    names = {item.name for item in request.session.items}
    yield {
        path: pool.submit(perform, Document(path), server, tmp_path_factory.mktemp("document"))
        for path in EXECUTED
        if any(name.endswith(f"[{path}]") for name in names)
    }
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("path", EXECUTED)
def test_every_command_prints_what_the_document_says(path: str, performed: Performed) -> None:
    outcomes = performed[path].result()
    failed = [f"{s.block} $ {s.command}\n{s.printed}" for s in unexpected_failures(outcomes)]
    wrong = [
        f"{said.block} $ {said.command}\n--- said\n{said.wanted}--- printed\n{said.printed}"
        for said in outcomes
        if not said.fits
    ]
    assert outcomes
    assert not failed, "\n".join(["failed, and the next command is not echo $?:", *failed])
    assert not wrong, "\n".join([*wrong, "if right: python -m tests.docs.regenerate"])
