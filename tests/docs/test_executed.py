"""README, tutorial and how-tos do what they say, from top to bottom, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from replant.testing.servers.server import Server
from tests.docs.documents import Document
from tests.docs.executed import perform, unexpected_failures
from tests.docs.stages import EXECUTED
from tests.support.forked_replant import forked_replant

#: Run with the program as it is installed; the others with one that does not begin with imports.
WITH_THE_INSTALLED_PROGRAM = ("README.md", "docs/tutorial/first-tenant.md")


@pytest.fixture(scope="session")
def ready_replant() -> Iterator[Path]:
    with forked_replant() as programs:
        yield programs


@pytest.mark.parametrize("path", EXECUTED)
def test_every_command_prints_what_the_document_says(
    path: str, server: Server, tmp_path: Path, ready_replant: Path
) -> None:
    programs = None if path in WITH_THE_INSTALLED_PROGRAM else ready_replant
    outcomes = perform(Document(path), server, tmp_path, programs)
    failed = [f"{s.block} $ {s.command}\n{s.printed}" for s in unexpected_failures(outcomes)]
    wrong = [
        f"{said.block} $ {said.command}\n--- said\n{said.wanted}--- printed\n{said.printed}"
        for said in outcomes
        if not said.fits
    ]
    assert outcomes
    assert not failed, "\n".join(["failed, and the next command is not echo $?:", *failed])
    assert not wrong, "\n".join([*wrong, "if right: python -m tests.docs.regenerate"])
