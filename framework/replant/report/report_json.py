"""Writes a report as JSON; `report.schema.json` describes it."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

import attrs

from replant.report.run_report import RunReport

#: The version of the JSON.
VERSION = 1


def report_as_json(report: RunReport) -> str:
    """Write one object; its fields are those of `RunReport` and of its `RunFacts`."""
    fields = attrs.asdict(report, value_serializer=_plain)
    facts = fields.pop("facts")
    return json.dumps({"version": VERSION, **fields, **facts}, indent=2, ensure_ascii=False) + "\n"


def _plain(_instance: Any, _field: Any, value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
