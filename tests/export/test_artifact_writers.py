"""The writer of a plugin goes wherever artifacts go: to disk, to stores, and for each tenant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests.support.commands import Outcome, Replant, assert_one_line
from tests.support.moves import Move

CSV = Path(__file__).parents[2] / "docs/examples/replant-tables/src/replant_tables/csv_files.py"
SHOPS = """
CREATE SCHEMA s;
CREATE TABLE s.shop (id int PRIMARY KEY, name text);
CREATE TABLE s.orders (id int PRIMARY KEY, shop int NOT NULL REFERENCES s.shop, v text);
INSERT INTO s.shop VALUES (1, 'one'), (2, 'two');
INSERT INTO s.orders VALUES (10, 1, 'a,b'), (11, 1, NULL), (20, 2, '');
"""
FILES = {
    "data/s.shop.csv": b"id,name\r\n1,one\r\n",
    "data/s.orders.csv": b'id,shop,v\r\n10,1,"a,b"\r\n11,1,\r\n',
}

Export = Callable[..., Outcome]


@pytest.fixture
def export(move: Move, replant: Replant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Run `replant export --format csv` in a folder of its own."""
    move.source.execute(SHOPS.encode(), prepare=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, plugin: Path = CSV, layout: str = "directory") -> Outcome:
        by_csv = ("--plugin", str(plugin), "--format", "csv", "--layout", layout)
        return replant("export", *by_csv, "--source", move.from_.dsn, *arguments)

    return run


def read(files: Any, folder: str) -> dict[str, bytes]:
    return {path.removeprefix(f"{folder}/"): files.cat_file(path) for path in files.find(folder)}


def of_one_shop(found: dict[str, bytes]) -> None:
    """Assert that these files are the export of the first shop."""
    listed = json.loads(found.pop("tables.json"))["tables"]
    assert found == FILES
    assert [(table["file"], table["rows"]) for table in listed] == [
        ("data/s.shop.csv", 1),
        ("data/s.orders.csv", 2),
    ]


def test_a_directory_goes_to_a_store_whole_or_not_at_all(export: Export, memory: Any) -> None:
    url, root = "memory://shop/one", ("--root", "s.shop: id = 1")
    assert export(*root, "-o", url).code == 0
    of_one_shop(read(memory, "/shop/one"))

    assert_one_line(export(*root, "-o", url), 2, url, "exists already", "--force")
    assert export("--root", "s.shop: id = 2", "-o", url, "--force").code == 0
    assert memory.cat_file("/shop/one/data/s.orders.csv") == b'id,shop,v\r\n20,2,""\r\n'

    memory.rm("/shop/one/tables.json")
    assert_one_line(export(*root, "-o", url, "--force"), 2, "is not an artifact")


def test_a_file_goes_to_a_store(export: Export, memory: Any, tmp_path: Path) -> None:
    url, plugin = "memory://shop/one.csv", tmp_path / "one_csv.py"
    plugin.write_text(CSV.read_text().replace(', suffix=".csv"', ""))
    written = export("--root", "s.shop: id = 1", "-o", url, plugin=plugin, layout="file")
    assert written.code == 0, written.err
    assert read(memory, "/shop") == {"one.csv": b"".join(FILES.values())}


@pytest.mark.parametrize("store", ["", "memory://"], ids=["disk", "store"])
def test_each_tenant_gets_its_own(export: Export, memory: Any, tmp_path: Path, store: str) -> None:
    each = ("--each", "SELECT id FROM s.shop", "--root", "s.shop: id = :id")
    output = f"{store}{'' if store else tmp_path}/out/{{id}}/"

    done = export(*each, "-o", output)

    assert done.code == 0, done.err
    files = memory if store else fsspec.filesystem("file")
    folder = "/out" if store else f"{tmp_path}/out"
    of_one_shop(read(files, f"{folder}/1"))
    assert read(files, f"{folder}/2")["data/s.orders.csv"] == b'id,shop,v\r\n20,2,""\r\n'
