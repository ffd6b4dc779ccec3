"""What counts as a row in an artifact: values as PostgreSQL writes them, and nothing else."""

from __future__ import annotations

import pytest

from replant.sql.fingerprints import Fingerprint, row_hash, row_hashes
from replant.sql.row_forms import COPY_ROWS, INSERT_ROWS, RowForm


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        (rb"('a')", ("a",)),
        (rb"('a',NULL,'it''s')", ("a", None, "it's")),
        (rb"(E'two\\\nlines','C:\','')", ("two\\\nlines", "C:\\", "")),
        (rb"('E''')", ("E'",)),
        (rb"(NULL,NULL)", (None, None)),
        ("('漢','\u202e')".encode(), ("漢", "\u202e")),
    ],
)
def test_literals_are_a_row(line: bytes, texts: tuple[str | None, ...]) -> None:
    (row,) = INSERT_ROWS.read([line], len(texts))

    assert INSERT_ROWS.texts(row, len(texts)) == texts
    assert INSERT_ROWS.written([row]) == [line]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"()",
        b"(1)",
        b"('a'",
        b"('a'))",
        b"('a',now())",
        b"('a'); DROP TABLE t; --')",
        b"('a'::text)",
        b"(E'\\'')",
        b"(E'no break')",
        b"(E'\\\\')",
        b"(E'\\x41')",
        b"('two\nlines')",
        b"('a\x00b')",
        b"('\xff')",
        b"(null)",
        b"('a', 'b')",
        b"('a',)",
        b"(,'a')",
        b"('a''b)",
        b"($$a$$)",
    ],
)
@pytest.mark.parametrize("beside", [[], [b"('a')"], [b"(E'a\\nb')"]])
def test_anything_else_is_no_row_of_literals(line: bytes, beside: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"row|literal|text"):
        INSERT_ROWS.read([*beside, line], 1)


@pytest.mark.parametrize(
    "line",
    [
        b"\\",
        b"\\x",
        b"\\\\\\",
        b"a\\N",
        b"\\Na",
        b"\\N\\N",
        b"a\rb",
        b"a\0b",
        b"a\x0bb",
        b"\\101",
        b"\\.",
        b"\xff",
        b"a\nb",
    ],
)
@pytest.mark.parametrize("beside", [[], [b"\\N\ta"], [b"\\\\N\tb"]])
def test_anything_else_is_no_row_of_copy(line: bytes, beside: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"row|text|number of values"):
        COPY_ROWS.read([*beside, line], 1)


@pytest.mark.parametrize("form", [INSERT_ROWS, COPY_ROWS], ids=lambda form: form.name)
def test_a_row_has_as_many_values_as_columns(form: RowForm) -> None:
    row = form.row(("a", None))

    assert form.texts(row, 2) == ("a", None)
    for width in (0, 1, 3):
        with pytest.raises(ValueError, match="it has 2 values"):
            form.texts(row, width)


@pytest.mark.parametrize("form", [INSERT_ROWS, COPY_ROWS], ids=lambda form: form.name)
def test_a_row_without_columns_says_nothing(form: RowForm) -> None:
    assert form.row(()) == b""
    assert form.texts(b"", 0) == ()
    assert form.read(form.written([b"", b""]), 0) == [b"", b""]
    with pytest.raises(ValueError, match="not a row without columns"):
        form.read([b"('a')"], 0)


def test_text_that_is_no_row_is_refused_in_no_time() -> None:
    for line in (b"(" + b"'" * 1_000_001 + b")", b"('" + b"a''" * 300_000 + b")", b"(E'" * 300_000):
        with pytest.raises(ValueError, match="literal"):
            INSERT_ROWS.read([line], 1)


def test_a_line_break_inside_a_value_becomes_an_escape_and_comes_back() -> None:
    values = ("a\r\nb", "no break\\", None, "back\\slash\n", "it's\n'", ",'", "\n")
    row = INSERT_ROWS.row(values)

    (line,) = INSERT_ROWS.written([row])

    assert line == (rb"(E'a\r\nb','no break\',NULL,E'back\\slash\n',E'it''s\n''',',''',E'\n')")
    assert INSERT_ROWS.read([line], len(values)) == [row]


def test_the_hash_of_a_row_is_the_head_of_its_sha_256() -> None:
    # printf "'a'" | sha256sum | head -c 16
    assert row_hash(b"'a'") == HASH_OF_A
    assert list(row_hashes([b"'a'", b"'a'"])) == [HASH_OF_A] * 2


def test_a_fingerprint_knows_no_order() -> None:
    first, second = Fingerprint(), Fingerprint()
    first.add([b"1", b"2", b"3"])
    second.add([b"3", b"1"])
    second.add([b"2"])

    assert (first.row_count, first.total) == (second.row_count, second.total)


HASH_OF_A = 0xD749929FE94B9A37
