"""Prints the results as a table, and writes them as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.measuring import MB, Result, middle

_HEAD = ("work", "ours", "theirs", "measured", "target", "", "peak")


def printed(results: Sequence[Result]) -> str:
    """The table for people."""
    rows = [_HEAD, *(_cells(result) for result in results)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in {0, 5} else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(result: Result) -> tuple[str, ...]:
    unit = " x" if result.theirs else " s"
    return (
        result.work + (f", beside {result.beside}" if result.beside else ""),
        f"{middle(result.ours):.2f} s",
        f"{middle(result.theirs):.2f} s" if result.theirs else "",
        f"{result.measured:.2f}{unit}",
        f"{result.target:.2f}{unit}" if result.target is not None else "",
        {True: "met", False: "MISSED", None: ""}[result.met],
        f"{result.peak / MB:.0f} MB",
    )


def write_json(file: Path, about: Mapping[str, Any], results: Sequence[Result]) -> None:
    """Write all figures, those of single runs too: seconds, and bytes of memory."""
    file.parent.mkdir(exist_ok=True)
    document = {
        **about,
        "results": [
            {
                "work": result.work,
                "beside": result.beside,
                "ours": [run.seconds for run in result.ours],
                "busy": [run.busy for run in result.ours],
                "theirs": [run.seconds for run in result.theirs],
                "measured": result.measured,
                "target": result.target,
                "met": result.met,
                "peak": result.peak,
            }
            for result in results
        ],
    }
    file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
