"""Writes numbers for people."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: `1 row`, `2,000 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"
