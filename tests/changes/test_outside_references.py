"""Rows of others that reference deleted rows stop the deletion, unless they are allowed to go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Outcome, Replant
from tests.support.moves import Move

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.customer (id int PRIMARY KEY);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int REFERENCES s.customer ON DELETE CASCADE);
CREATE TABLE s.line (id int PRIMARY KEY, orders int REFERENCES s.orders ON DELETE CASCADE,
  like_line int REFERENCES s.line ON DELETE CASCADE);
CREATE TABLE s.tag (line int REFERENCES s.line ON DELETE SET NULL, text text PRIMARY KEY);
CREATE TABLE s.note (id int PRIMARY KEY, about text, about_id int);
CREATE TABLE s.log (id int PRIMARY KEY, customer int REFERENCES s.customer ON DELETE CASCADE);
INSERT INTO s.customer VALUES (1), (2);
INSERT INTO s.orders VALUES (10, 1), (20, 2);
INSERT INTO s.line VALUES (100, 10), (200, 20);
INSERT INTO s.tag VALUES (100, 'a'), (200, 'b');
INSERT INTO s.note VALUES (1, 'customer', 1);
"""
CONFIGURATION = """
[plugins.schemas]
roots = ["s.customer: id = 1"]
exclude = ["s.log"]

[[plugins.schemas.references]]
table = "s.note"
type_column = "about"
columns = ["about_id"]
targets = { customer = "s.customer", line = "s.line" }
"""
#: After the export: an order of the customer, a line of it, one like it, and a tag.
LATER = """
INSERT INTO s.orders VALUES (11, 1);
INSERT INTO s.line VALUES (110, 11, 111), (111, NULL, 110);
INSERT INTO s.tag VALUES (111, 'c');
"""


@pytest.fixture
def artifact(move: Move, replant: Replant, tmp_path: Path) -> Path:
    move.source.execute(SHOP.encode(), prepare=False)
    file, artifact = tmp_path / "shop.toml", tmp_path / "artifact.sql"
    file.write_text(CONFIGURATION)
    assert replant("export", "-c", file, "--source", move.from_.dsn, "-o", artifact).code == 0
    return artifact


def removed(move: Move, replant: Replant, artifact: Path, *more: str) -> Outcome:
    return replant("remove", artifact, "--target", move.from_.dsn, "--yes", *more)


def there(move: Move) -> list[str]:
    query = """SELECT 'customer ' || id FROM s.customer
      UNION ALL SELECT 'order ' || id FROM s.orders
      UNION ALL SELECT 'line ' || id FROM s.line UNION ALL SELECT 'log ' || id FROM s.log
      UNION ALL SELECT 'tag ' || coalesce(line::text, '-') || text FROM s.tag ORDER BY 1"""
    return [row for (row,) in move.source.execute(query.encode())]


OTHERS = ["customer 2", "line 200", "order 20", "tag 200b"]


def test_what_a_cascade_would_delete_is_named_first(
    move: Move, replant: Replant, artifact: Path
) -> None:
    move.source.execute(LATER.encode(), prepare=False)
    before = there(move)

    outcome = removed(move, replant, artifact)

    assert outcome.code == 4
    assert "1 row of s.orders that would stay references rows of s.customer" in outcome.err
    assert "let the foreign key act on them: --allow-cascade" in outcome.err
    assert there(move) == before


def test_it_may_be_allowed(move: Move, replant: Replant, artifact: Path) -> None:
    move.source.execute(LATER.encode(), prepare=False)

    outcome = removed(move, replant, artifact, "--allow-cascade")

    assert outcome.code == 0, outcome.err
    assert "note: 1 row of s.orders is deleted as well, by orders_customer_fkey: id = 11" in (
        outcome.err
    )
    assert "note: 1 row of s.line is deleted as well, by line_orders_fkey: id = 110" in outcome.err
    assert "note: 1 row of s.tag will not reference deleted rows any more" in outcome.err
    assert there(move) == [*OTHERS[:3], "tag -c", "tag 200b"]


def test_no_cascade_deletes_in_a_table_that_the_artifact_does_not_cover(
    move: Move, replant: Replant, artifact: Path
) -> None:
    move.source.execute("INSERT INTO s.log VALUES (7, 1)")
    before = there(move)

    outcome = removed(move, replant, artifact, "--allow-cascade")

    assert outcome.code == 4
    assert "1 row of s.log that would stay references rows of s.customer" in outcome.err
    assert "; nothing is deleted in a table that the artifact does not have" in outcome.err
    assert "--allow-cascade" not in outcome.err
    assert there(move) == before


def test_a_declared_reference_counts_as_well(move: Move, replant: Replant, artifact: Path) -> None:
    move.source.execute("INSERT INTO s.note VALUES (2, 'line', 100), (3, 'other', 100)")
    before = there(move)

    outcome = removed(move, replant, artifact, "--allow-cascade")

    assert outcome.code == 4
    assert "1 row of s.note that would stay references rows of s.line" in outcome.err
    assert "id = 2" in outcome.err
    assert there(move) == before
    move.source.execute("DELETE FROM s.note WHERE id = 2")
    assert removed(move, replant, artifact).code == 0
    assert there(move) == OTHERS


ARRAYS = """
CREATE TABLE s.basket (customers int[]);
INSERT INTO s.basket VALUES ('{2}');
"""
REFERENCE = """
[[plugins.schemas.references]]
table = "s.basket"
array = "customers"
references = "s.customer"
"""


def test_an_array_in_a_table_without_a_key_needs_a_privilege_on_the_table(
    move: Move, replant: Replant, tmp_path: Path, artifact: Path
) -> None:
    """A row is met once for each of its elements; system columns tell it from its like."""
    role = "replant_remover"
    move.source.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN".encode())
    move.source.execute(ARRAYS.encode(), prepare=False)
    move.source.execute(
        f"GRANT USAGE ON SCHEMA s TO {role}; GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA s TO"
        f" {role}; REVOKE SELECT ON s.basket FROM {role};"
        f"GRANT SELECT (customers) ON s.basket TO {role}".encode(),
        prepare=False,
    )
    file = tmp_path / "arrays.toml"
    file.write_text(CONFIGURATION + REFERENCE)
    of_arrays = tmp_path / "of_arrays.sql"
    try:
        options = ("-c", file, "--source", move.from_.dsn, "-o", of_arrays)
        assert replant("export", *options).code == 0
        move.source.execute("INSERT INTO s.basket VALUES ('{1,2}'), ('{1,2}')")
        command = ("remove", of_arrays, "--target", move.from_.as_role(role), "--yes")

        refused = replant(*command)
        move.source.execute(f"GRANT SELECT ON s.basket TO {role}".encode())
        named = replant(*command)

        assert refused.code == 4
        assert f"GRANT SELECT ON s.basket TO {role};" in refused.err
        assert "2 rows of s.basket that would stay reference rows of s.customer" in named.err
    finally:
        move.source.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode(), prepare=False)
