"""The JSON schema of the configuration accepts what replant reads, and refuses what it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomli
from jsonschema import Draft202012Validator

import replant
from replant.config.read_settings import settings_from
from replant.errors import ConfigurationError
from replant.plugins.manager import Host
from tests.docs.documents import Document
from tests.support.commands import Replant

SCHEMA = replant.configuration_schema(replant.Settings())
CHECK = Draft202012Validator(SCHEMA)


def blocks() -> list[str]:
    text = Document("docs/reference/configuration.md").text
    return [part.partition("```")[0] for part in text.split("\n```toml\n")[1:]]


@pytest.mark.parametrize("text", blocks())
def test_it_judges_every_documented_configuration_as_replant_does(text: str) -> None:
    document: dict[str, Any] = tomli.loads(text)
    try:
        settings_from(document, "here")
    except ConfigurationError:
        assert not CHECK.is_valid(document)
    else:
        assert [*CHECK.iter_errors(document)] == []


@pytest.mark.parametrize(
    "plugins",
    [
        {"schemas": {"inclde": ["a.*"]}},
        {"schemas": {"edges": [{"columns": ["a"]}]}},
        {"schemas": {"children": "sometimes"}},
        {"mask": {"secret": "hunter2"}},
        {"mask": {"columns": {"*.email": 3}}},
        {"ordered": {"anything": True}},
    ],
)
def test_it_knows_the_settings_of_the_plugins(plugins: dict[str, Any]) -> None:
    document = {"plugins": {"enable": ["schemas", "mask", "ordered"], **plugins}}
    with pytest.raises(ConfigurationError):
        Host.for_settings(settings_from(document, "here"))
    assert not CHECK.is_valid(document)


def test_every_setting_says_what_it_means() -> None:
    def unexplained(schema: dict[str, Any], path: str) -> list[str]:
        silent = [] if schema.get("description") or path.count(".") < 1 else [path]
        for name, part in schema.get("properties", {}).items():
            silent += unexplained(part, f"{path}.{name}")
        return silent + (unexplained(schema["items"], f"{path}[]") if "items" in schema else [])

    assert [path for path in unexplained(SCHEMA, "") if not path.endswith("[]")] == []


def test_the_command_prints_it(replant: Replant, tmp_path: Path) -> None:
    assert json.loads(replant("plugins", "--schema").out) == SCHEMA


def test_a_plugin_is_shown_with_its_settings(replant: Replant) -> None:
    shown = replant("plugins", "mask").out.splitlines()
    assert "plugin API    1" in shown
    (locale,) = (line for line in shown if line.startswith("locale"))
    assert locale.split()[1:4] == ["string", '"en_US"', "Of"]
    wrong = replant("plugins", "masks")
    assert wrong.code == 2
    assert "did you mean 'mask'?" in wrong.err
