"""Registries and demonstrations of other distributions fail in one line that names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from replant.config.recorded_shapes import Recorded
from replant.errors import PluginError
from replant.testing import demonstration
from replant.testing.generation import registry
from tests.support.installed_plugins import install_plugin


def load_registry() -> object:
    return registry.offered(["aaa"])


@pytest.mark.parametrize(
    ("group", "load"),
    [(registry.GROUP, load_registry), (demonstration.GROUP, demonstration.find_demonstration)],
)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(0)", "cannot be imported from module_of_aaa:it: SystemExit: 0"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("it = 5", r"is not a (Registry|Demonstration), but int: module_of_aaa:it"),
    ],
)
def test_what_cannot_be_loaded_is_told_with_its_distribution(
    importable_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    load: Callable[[], object],
    code: str,
    said: str,
) -> None:
    install_plugin(
        importable_folder,
        "aaa",
        code,
        module="module_of_aaa",
        distribution="other-rows",
        version="2.1",
        target="module_of_aaa:it",
        group=group,
    )
    monkeypatch.delitem(__import__("sys").modules, "module_of_aaa", raising=False)
    with pytest.raises(PluginError, match=said) as caught:
        load()
    assert "'aaa' (distribution other-rows 2.1)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_is_checked_when_it_is_made() -> None:
    with pytest.raises(TypeError, match=r"Recorded\.tables"):
        Recorded(tables={"s.t": "id integer"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match=r"Recorded\.left_out"):
        Recorded(left_out=["s.t"])  # type: ignore[arg-type]
