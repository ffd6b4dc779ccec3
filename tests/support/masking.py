"""Exports with masks: what the configuration says, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Outcome, Replant
from tests.support.moves import Move

SECRET = "known-to-few-0815"  # noqa: S105 - a test's own


def configure(move: Move, text: str, *, mask: str = 'secret = "env:MASK_SECRET"') -> None:
    """Write a `replant.toml` that exports the schema `s`."""
    Path("replant.toml").write_text(
        f'[source]\ndsn = "{move.from_.dsn}"\n[target]\ndsn = "{move.to.dsn}"\n'
        f'[plugins.schemas]\ninclude = ["s.*"]\n[plugins.mask]\n{mask}\n{text}'
    )


def prepare(folder: Path, move: Move, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make both databases, and a folder to work in; the secret and the source are known there."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MASK_SECRET", SECRET)
    monkeypatch.setenv("REPLANT_SOURCE", move.from_.dsn)
    move.on_both(schema)


def refused(outcome: Outcome, *words: str) -> None:
    """Expect that a command refuses the configuration in these words, and keeps the secret."""
    assert outcome.code == 2, outcome
    for word in words:
        assert word in outcome.err, outcome.err
    assert SECRET not in outcome.err


def moved(replant: Replant, *options: str) -> str:
    """Export, replay and verify; return what the artifact says."""
    exported = replant("export", "-o", "a.sql", "--force", "--quiet", *options)
    assert exported.code == 0, exported.err
    played = replant("replay", "a.sql")
    assert played.code == 0, played.err
    checked = replant("verify", "a.sql")
    assert checked.code == 0, checked
    return Path("a.sql").read_text()
