"""Blocks of so few rows that small tables have many of them."""

from __future__ import annotations

import pytest

from replant.export import source_rows


def let_blocks_have(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let an export divide ordered tables into blocks of so many rows."""
    monkeypatch.setattr(source_rows, "rows_per_block", lambda count: rows if count > rows else 1)
