"""The JSON schema of the manifest, as it is installed with the package."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

_FILE = files("replant.artifact") / "manifest.schema.json"

SCHEMA: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))

VALIDATOR = Draft202012Validator(SCHEMA)


def problems(manifest: object) -> list[str]:
    """What is wrong with a manifest by its schema, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(manifest)]
