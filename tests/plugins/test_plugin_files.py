"""A plugin that is one file is run where the person who runs replant names it, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from replant import api
from replant.errors import ConfigurationError
from replant.model import PluginSettings, Settings, TableSettings
from replant.model.names import RelationName
from replant.plugins.manager import Host
from tests.support.commands import Replant
from tests.support.moves import Move

PLUGIN = '''
from attrs import frozen
from replant import PythonFunction, hookimpl

@frozen
class Words:
    """What is said.

    Attributes:
        word: in place of each.

    """
    word: str = "…"

SETTINGS = Words
open("was_run", "w").close()

@hookimpl
def transform_value(column, settings):
    return PythonFunction(lambda text: settings.word) if column.name == "v" else None
'''


@pytest.fixture
def folder(tmp_path: Path, move: Move, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPLANT_SOURCE", move.from_.dsn)
    move.source.execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, v text)")
    move.source.execute("INSERT INTO s.t VALUES (1, 'secret')")
    (tmp_path / "words.py").write_text(PLUGIN)
    return tmp_path


def test_one_file_is_enough_to_begin(replant: Replant, folder: Path) -> None:
    asked = ("--include", "s", "--plugin", "./words.py", "-o", "a.sql", "--quiet")
    done = replant("export", *asked)
    assert done.code == 0, done.err
    written = Path("a.sql").read_text("utf-8")
    assert "'…'" in written
    assert "secret" not in written
    assert str(folder) not in written
    assert "words (words.py sha256:" in written
    shown = replant("plugins", "words", "--plugin", "words.py")
    assert "in place of each" in shown.out.lower()


@pytest.mark.parametrize("form", ["plugins = {}", "[plugins]\nenable = {}"])
def test_a_configuration_alone_runs_nothing(replant: Replant, folder: Path, form: str) -> None:
    (folder / "sub").mkdir()
    (folder / "words.py").rename(folder / "sub" / "words.py")
    (folder / "sub" / "replant.toml").write_text(form.format('["./words.py", "schemas"]'))
    refused = replant("plan", "-c", "sub/replant.toml", "--include", "s")
    assert refused.code == 2
    assert "plugins.enable[0]: sub/words.py is Python that would run with your" in refused.err
    assert not Path("was_run").exists()
    replant("plan", "-c", "sub/replant.toml", "--include", "s", "--plugin", "sub/words.py")
    assert Path("was_run").exists()


def test_it_has_settings_as_others_do(replant: Replant, folder: Path, move: Move) -> None:
    Path("replant.toml").write_text(
        'plugins.enable = ["schemas", "./words.py"]\nplugins.words.word = "new"\n'
        'plugins.schemas.include = ["s"]\n'
    )
    assert "new" in replant("export", "--plugin", "words.py", "-o", "-").out


def test_the_place_of_an_installed_plugin_is_not_taken_in_silence(folder: Path) -> None:
    (folder / "words.py").rename(folder / "mask.py")
    both = PluginSettings(("mask", "./mask.py"), files=("./mask.py",))
    with pytest.raises(ConfigurationError, match=r"'mask' is the name of an installed plugin and"):
        Host.for_settings(Settings(plugins=both))
    # The file does not read [[tables]] mask, so nothing would be masked.
    tables = (TableSettings(RelationName("s", "t"), mask={"v": "null"}),)
    settings = Settings(plugins=PluginSettings(files=("mask.py",)), tables=tables)
    with pytest.raises(ConfigurationError, match=r"tables\[0\]\.mask: the plugin 'mask' is not"):
        Host.for_settings(settings)


def test_what_is_no_plugin_is_told(folder: Path) -> None:
    (folder / "a.txt").write_text("")
    for files, said in (
        (("gone.py",), "gone.py: there is no such file"),
        (("a.txt",), "a.txt: is"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            api.plugins(Settings(plugins=PluginSettings(files=files)))
    (folder / "broken.py").write_text("1 / 0")
    listed = api.plugins(Settings(plugins=PluginSettings(files=("broken.py",))))
    assert "(file broken.py) cannot be imported" in (listed[-1].failure or "")
    assert "ZeroDivisionError: division by zero; correct the file" in (listed[-1].failure or "")
