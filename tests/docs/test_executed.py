"""README, tutorial and how-tos do what they say, from top to bottom, on a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from replant.testing.servers.server import Server
from tests.docs.documents import Document
from tests.docs.executed import perform, unexpected_failures
from tests.docs.stages import EXECUTED


@pytest.mark.parametrize("path", EXECUTED)
def test_every_command_prints_what_the_document_says(
    path: str, server: Server, tmp_path: Path
) -> None:
    outcomes = perform(Document(path), server, tmp_path)
    failed = [f"{s.block} $ {s.command}\n{s.printed}" for s in unexpected_failures(outcomes)]
    wrong = [
        f"{said.block} $ {said.command}\n--- said\n{said.wanted}--- printed\n{said.printed}"
        for said in outcomes
        if not said.fits
    ]
    assert outcomes
    assert not failed, "\n".join(["failed, and the next command is not echo $?:", *failed])
    assert not wrong, "\n".join([*wrong, "if right: python -m tests.docs.regenerate"])
