"""SQL files are compressed by their name, and read from files and pipes under any name."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from attrs import evolve

from replant import api
from replant.artifact.artifact import open_artifact
from replant.errors import ArtifactError
from tests.support.moves import Move


def unpacked(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".zst": unpacked}
in_every_compression = pytest.mark.parametrize("ending", DECOMPRESS)


@pytest.fixture
def filled(move: Move) -> Move:
    move.empty()
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id integer PRIMARY KEY, name text)")
    move.source.execute(b"INSERT INTO s.t SELECT n, 'row ' || n FROM generate_series(1, 300) AS n")
    return move


def export(move: Move, output: Path) -> bytes:
    settings = move.settings()
    named = evolve(settings, export=evolve(settings.export, output=str(output)))
    api.export(named, host=move.host, force=True)
    return output.read_bytes()


@in_every_compression
def test_a_file_is_compressed_by_its_name_and_holds_the_same_bytes(
    filled: Move, tmp_path: Path, ending: str
) -> None:
    plain = export(filled, tmp_path / "x.sql")
    packed = export(filled, tmp_path / f"x.sql{ending}")
    assert len(packed) < len(plain)
    assert DECOMPRESS[ending](packed) == plain
    assert export(filled, tmp_path / f"y.sql{ending}") == packed
    api.replay(str(tmp_path / f"x.sql{ending}"), filled.settings(), host=filled.host)
    assert all(r.equal for r in api.verify(str(tmp_path / f"x.sql{ending}"), filled.settings()))


@in_every_compression
def test_a_compressed_file_is_known_under_any_name(
    filled: Move, tmp_path: Path, ending: str
) -> None:
    export(filled, tmp_path / f"x{ending}")
    renamed = (tmp_path / f"x{ending}").rename(tmp_path / "backup")
    with open_artifact(str(renamed)) as artifact:
        assert artifact.manifest.row_count == 300


@in_every_compression
def test_a_truncated_file_is_refused_with_its_name(
    filled: Move, tmp_path: Path, ending: str
) -> None:
    packed = export(filled, tmp_path / f"x{ending}")
    (tmp_path / f"x{ending}").write_bytes(packed[:-20])
    with (
        pytest.raises(ArtifactError, match=rf"x{ending}: (cannot be decompressed|is)"),
        open_artifact(str(tmp_path / f"x{ending}")),
    ):
        pass


@pytest.mark.parametrize("ending", ["", *DECOMPRESS])
def test_an_artifact_comes_by_a_pipe(filled: Move, tmp_path: Path, ending: str) -> None:
    export(filled, tmp_path / f"x{ending}")
    code = "from replant.cli.main import main; main()"
    for command in ("replay", "verify"):
        with subprocess.Popen(
            ["/bin/cat", tmp_path / f"x{ending}"], stdout=subprocess.PIPE
        ) as sender:
            done = subprocess.run(
                [sys.executable, "-c", code, command, "-", "--target", filled.to.dsn],
                stdin=sender.stdout,
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        assert "300 rows" in done.stdout + done.stderr


def test_a_pipe_that_breaks_off_loads_nothing(filled: Move, tmp_path: Path) -> None:
    plain = export(filled, tmp_path / "x.sql")
    code = "from replant.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "replay", "-", "--target", filled.to.dsn],
        input=plain[: len(plain) // 2],
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.startswith(b"replant: standard input: ")
    assert filled.found("SELECT count(*) FROM s.t") == [0]
