"""The owned rows of a target become those of an artifact, and no other row is touched."""

from __future__ import annotations

import re
import tracemalloc

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.changes import queries
from replant.errors import ChangeError, OutputError, UsageError
from replant.model import (
    ByPredicate,
    ExportSettings,
    Layout,
    PluginSettings,
    Registration,
    RelationName,
    Settings,
    SharedRowsCheck,
    TableSettings,
)
from replant.synchronization import find_changes
from tests.support.blocks import let_blocks_have
from tests.support.commands import Replant
from tests.support.moves import Move, in_every_format

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.country (code text PRIMARY KEY, name text);
CREATE TABLE s.customer (
    id int PRIMARY KEY, country text REFERENCES s.country, name text, favourite int);
CREATE TABLE s.orders (
    id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer, v text, place int NOT NULL,
    UNIQUE (customer, place));
ALTER TABLE s.customer ADD CONSTRAINT likes FOREIGN KEY (favourite) REFERENCES s.orders;
CREATE TABLE s.line (
    orders int REFERENCES s.orders ON DELETE CASCADE, n int, v text UNIQUE,
    PRIMARY KEY (orders, n));
CREATE TABLE s.note (customer int NOT NULL REFERENCES s.customer, v text);
"""
ROWS = """
INSERT INTO s.country VALUES ('de', 'Germany'), ('fr', 'France');
INSERT INTO s.customer VALUES (1, 'de', 'Ada'), (2, 'de', 'Bob');
INSERT INTO s.orders VALUES (10, 1, 'a', 1), (11, 1, 'b', 2), (20, 2, 'c', 1);
INSERT INTO s.line VALUES (10, 1, 'x'), (10, 2, 'y'), (20, 1, 'z');
INSERT INTO s.note VALUES (1, 'twice'), (1, 'twice'), (1, NULL), (1, ''), (2, 'twice');
UPDATE s.customer SET favourite = id * 10;
"""
TABLES = ("country", "customer", "orders", "line", "note")

#: What is of customer 1, and what is not.
OWNED = """
SELECT t.* FROM (
    SELECT 'customer', t::text, id = 1 FROM s.customer t
    UNION ALL SELECT 'orders', t::text, customer = 1 FROM s.orders t
    UNION ALL SELECT 'line', t::text, orders IN (SELECT id FROM s.orders WHERE customer = 1)
      FROM s.line t
    UNION ALL SELECT 'note', t::text, customer = 1 FROM s.note t
    UNION ALL SELECT 'country', t::text, false FROM s.country t
) AS t (name, row, owned) ORDER BY 1, 2
"""


def settings_of(move: Move, form: ExportSettings | None = None) -> Settings:
    form = form or ExportSettings(layout=Layout.DIRECTORY)
    return Settings(
        source=move.from_.dsn,
        target=move.to.dsn,
        export=evolve(form, output=str(move.artifact)),
        plugins=PluginSettings(
            ("schemas", "ordered"), {"schemas": {"roots": ["s.customer: id = 1"]}}
        ),
    )


@pytest.fixture
def shops(move: Move) -> Settings:
    """The same shop in both databases."""
    move.on_both(SHOP)
    move.on_both(ROWS)
    return settings_of(move)


def rows(move: Move, *, owned: bool) -> list[str]:
    """Rows of the target, of customer 1 or of nobody and others."""
    return [f"{n} {row}" for n, row, is_owned in move.target.execute(OWNED) if is_owned is owned]


def wanted(move: Move) -> list[str]:
    return [f"{name} {row}" for name, row, owned in move.source.execute(OWNED) if owned]


def sync(move: Move, settings: Settings) -> tuple[int, int, int]:
    """Export, and synchronize the target."""
    api.export(settings, force=True)
    total = api.sync(str(move.artifact), settings, confirm=lambda _: True).plan.total
    return total.inserted, total.updated, total.deleted


CHANGES = {
    "nothing": ("", (0, 0, 0)),
    "a value": ("UPDATE s.orders SET v = 'new' WHERE id = 10", (0, 1, 0)),
    "a value to NULL": ("UPDATE s.line SET v = NULL WHERE n = 2", (0, 1, 0)),
    "new rows": (
        "INSERT INTO s.orders VALUES (12, 1, 'n', 3); INSERT INTO s.line VALUES (12, 1, 'n')",
        (2, 0, 0),
    ),
    "a row less": ("DELETE FROM s.orders WHERE id = 11", (0, 0, 1)),
    "an order with its lines less": (
        "UPDATE s.customer SET favourite = NULL; DELETE FROM s.orders WHERE id = 10",
        (0, 1, 3),
    ),
    "rows without a key": (
        """DELETE FROM s.note WHERE v = ''; INSERT INTO s.note VALUES (1, 'twice'), (1, 'new');
        DELETE FROM s.note WHERE v IS NULL""",
        (2, 0, 2),
    ),
    "two rows swap a value that may not be NULL": (
        """UPDATE s.orders SET place = 9 WHERE id = 10; UPDATE s.orders SET place = 1 WHERE id = 11;
        UPDATE s.orders SET place = 2 WHERE id = 10""",
        None,
    ),
    "two rows swap a value that may be NULL": (
        """UPDATE s.line SET v = NULL WHERE v = 'x'; UPDATE s.line SET v = 'x' WHERE v = 'y';
        UPDATE s.line SET v = 'y' WHERE v IS NULL""",
        (0, 2, 0),
    ),
    "a new row takes a value of one that goes": (
        "DELETE FROM s.line WHERE v = 'x'; INSERT INTO s.line VALUES (11, 5, 'x')",
        (1, 0, 1),
    ),
    "a chain of values": (
        "UPDATE s.line SET v = 'w' WHERE v = 'x'; UPDATE s.line SET v = 'x' WHERE v = 'y'",
        (0, 2, 0),
    ),
    "the other end of a cycle": ("UPDATE s.customer SET favourite = 11 WHERE id = 1", (0, 1, 0)),
    "a shared row that the target lacks": (
        """INSERT INTO s.country VALUES ('it', 'Italy');
        UPDATE s.customer SET country = 'it' WHERE id = 1""",
        (1, 1, 0),
    ),
    "a shared row that differs": ("UPDATE s.country SET name = 'D'", (0, 0, 0)),
    "everything": (
        """UPDATE s.customer SET favourite = NULL WHERE id = 1;
        DELETE FROM s.note WHERE customer = 1;
        DELETE FROM s.orders WHERE customer = 1;
        UPDATE s.customer SET name = 'A' WHERE id = 1""",
        (0, 1, 8),
    ),
}


@pytest.mark.parametrize(
    ("change", "counts"),
    [case for case in CHANGES.values() if case[1] is not None],
    ids=[name for name, case in CHANGES.items() if case[1] is not None],
)
def test_the_target_follows(
    move: Move, shops: Settings, change: str, counts: tuple[int, int, int]
) -> None:
    move.source.execute(change.encode(), prepare=False)
    others = rows(move, owned=False)

    assert sync(move, shops) == counts

    assert rows(move, owned=True) == wanted(move)
    assert set(others) <= set(rows(move, owned=False))
    assert len(rows(move, owned=False)) - len(others) in (0, 1)
    assert sync(move, shops) == (0, 0, 0)


def test_a_value_that_may_not_be_null_is_swapped_where_nothing_acts_on_deletion(
    move: Move, shops: Settings
) -> None:
    move.on_both(
        "ALTER TABLE s.line DROP CONSTRAINT line_orders_fkey, ADD FOREIGN KEY (orders)"
        " REFERENCES s.orders"
    )
    move.source.execute(CHANGES["two rows swap a value that may not be NULL"][0], prepare=False)

    assert sync(move, shops) == (0, 2, 0)

    assert rows(move, owned=True) == wanted(move)


def test_a_row_without_a_key_is_deleted_though_a_trigger_of_a_swap_moved_it(
    move: Move, shops: Settings
) -> None:
    """Two values are swapped by way of NULL, which fires a trigger before any row is deleted."""
    move.source.execute(CHANGES["two rows swap a value that may be NULL"][0], prepare=False)
    move.source.execute("DELETE FROM s.note WHERE v = ''")
    move.target.execute(
        "CREATE FUNCTION s.touch() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN UPDATE s.note SET v = v; RETURN NULL; END';"
        "CREATE TRIGGER touch AFTER UPDATE ON s.line FOR EACH ROW EXECUTE FUNCTION s.touch()",
        prepare=False,
    )

    assert sync(move, shops) == (0, 2, 1)

    assert rows(move, owned=True) == wanted(move)


def test_a_swap_that_no_order_allows_is_refused(move: Move, shops: Settings) -> None:
    move.source.execute(CHANGES["two rows swap a value that may not be NULL"][0], prepare=False)
    before = rows(move, owned=True)

    with pytest.raises(ChangeError, match=re.escape("line_orders_fkey of s.line acts when a row")):
        sync(move, shops)

    assert rows(move, owned=True) == before


@in_every_format
def test_every_form_of_an_artifact_serves(move: Move, form: ExportSettings) -> None:
    move.on_both(SHOP)
    move.on_both(ROWS)
    move.source.execute(
        "UPDATE s.orders SET v = 'new' WHERE id = 10; DELETE FROM s.line WHERE n = 2;"
        "INSERT INTO s.note VALUES (1, 'new')",
        prepare=False,
    )

    assert sync(move, settings_of(move, form)) == (1, 1, 1)

    assert rows(move, owned=True) == wanted(move)


def test_a_tenant_that_the_target_does_not_have_is_inserted(move: Move, shops: Settings) -> None:
    move.target.execute(
        "UPDATE s.customer SET favourite = NULL; DELETE FROM s.note; DELETE FROM s.orders;"
        "DELETE FROM s.customer; DELETE FROM s.country",
        prepare=False,
    )

    assert sync(move, shops) == (10, 0, 0)

    assert rows(move, owned=True) == wanted(move)


def test_rows_that_only_the_target_has_are_deleted(move: Move, shops: Settings) -> None:
    move.target.execute(
        "INSERT INTO s.orders VALUES (12, 1, 'theirs', 5); INSERT INTO s.line VALUES (12, 1, 't')",
        prepare=False,
    )

    assert sync(move, shops) == (0, 0, 2)


def test_a_row_of_another_customer_is_not_taken_over(move: Move, shops: Settings) -> None:
    move.target.execute("UPDATE s.orders SET customer = 2, place = 7 WHERE id = 11")
    before = rows(move, owned=False)

    with pytest.raises(
        ChangeError,
        match=r"s\.orders: other values .*, in rows that belong to others: id = 11: customer is 2",
    ):
        sync(move, shops)

    assert rows(move, owned=False) == before


@pytest.mark.parametrize("action", ["NO ACTION", "CASCADE", "SET NULL", "RESTRICT"])
def test_a_row_outside_that_references_a_deleted_one_is_named(
    move: Move, shops: Settings, action: str
) -> None:
    move.target.execute(
        f"CREATE TABLE s.alien (id int PRIMARY KEY,"
        f" orders int REFERENCES s.orders ON DELETE {action});"
        f"INSERT INTO s.alien VALUES (5, 11)",
        prepare=False,
    )
    move.source.execute("DELETE FROM s.orders WHERE id = 11")
    before = rows(move, owned=True)

    with pytest.raises(ChangeError, match="alien_orders_fkey: id = 5; delete them first"):
        sync(move, shops)

    assert rows(move, owned=True) == before
    assert move.found("SELECT orders FROM s.alien") == [11]


def test_a_row_that_went_to_another_owner_is_updated(move: Move, shops: Settings) -> None:
    """It still is included, since a row of the customer references it; what is below is not."""
    move.source.execute("UPDATE s.orders SET customer = 2, place = 3 WHERE id = 10")

    assert sync(move, shops) == (0, 1, 2)

    assert move.found("SELECT customer FROM s.orders WHERE id = 10") == [2]


def test_a_referenced_value_that_changes_is_named_too(move: Move, shops: Settings) -> None:
    move.target.execute(
        "CREATE TABLE s.alien (id int PRIMARY KEY,"
        " line text REFERENCES s.line (v) ON UPDATE CASCADE); INSERT INTO s.alien VALUES (5, 'x')",
        prepare=False,
    )
    move.source.execute("UPDATE s.line SET v = 'new' WHERE v = 'x'")

    with pytest.raises(ChangeError, match="alien_line_fkey: id = 5"):
        sync(move, shops)


def test_a_key_that_the_target_lacks_is_named(move: Move, shops: Settings) -> None:
    """A row there has the same values, and would be changed too."""
    move.target.execute("ALTER TABLE s.line DROP CONSTRAINT line_pkey")
    move.target.execute("INSERT INTO s.line VALUES (10, 2, 'twin')")
    move.source.execute("DELETE FROM s.line WHERE n = 2")

    with pytest.raises(ChangeError, match=re.escape("ALTER TABLE s.line ADD UNIQUE (orders, n);")):
        sync(move, shops)


def test_shared_rows_that_differ_are_refused_where_that_was_said(
    move: Move, shops: Settings
) -> None:
    move.source.execute("UPDATE s.country SET name = 'D'")
    country = TableSettings(RelationName("s", "country"), shared=SharedRowsCheck.SAME)

    with pytest.raises(ChangeError, match="name is Germany, exported was D"):
        sync(move, evolve(shops, tables=(country,)))


def test_a_backup_brings_everything_back(move: Move, shops: Settings) -> None:
    change, counts = CHANGES["everything"]
    move.source.execute(change.encode(), prepare=False)
    move.source.execute("INSERT INTO s.orders VALUES (13, 1, 'n', 3)")
    api.export(shops)
    before, backup = rows(move, owned=True), f"{move.artifact}.before"
    done = api.sync(str(move.artifact), shops, backup=backup, confirm=lambda _: True)
    assert counts is not None
    assert done.plan.total.deleted == counts[2]
    assert rows(move, owned=True) != before

    undone = evolve(shops, source=None)
    api.sync(backup, undone, confirm=lambda _: True)

    assert rows(move, owned=True) == before


def test_a_backup_of_nothing_removes_what_was_inserted(move: Move, shops: Settings) -> None:
    move.target.execute(
        "UPDATE s.customer SET favourite = NULL; DELETE FROM s.note; DELETE FROM s.orders;"
        "DELETE FROM s.customer WHERE id = 1",
        prepare=False,
    )
    api.export(shops)
    backup = f"{move.artifact}.before"
    api.sync(str(move.artifact), shops, backup=backup)
    assert len(rows(move, owned=True)) == 9

    api.sync(backup, evolve(shops, source=None), confirm=lambda _: True)

    assert rows(move, owned=True) == []


def test_a_backup_that_is_there_is_not_replaced(move: Move, shops: Settings) -> None:
    api.export(shops)

    with pytest.raises(OutputError):
        api.sync(str(move.artifact), shops, backup=str(move.artifact))


def test_it_asks_before_it_deletes(move: Move, shops: Settings, replant: Replant) -> None:
    move.source.execute("DELETE FROM s.note WHERE v = ''; DELETE FROM s.line", prepare=False)
    api.export(shops)
    command = ("sync", move.artifact, "--target", move.to.dsn)

    refused = replant(*command)
    few = replant(*command, "--max-deletes", "2")
    done = replant(*command, "--max-deletes", "3")

    assert (refused.code, few.code, done.code) == (2, 2, 0)
    assert "3 rows are deleted from " in refused.err
    assert "changed 3 rows of 2 tables: 3 deleted" in done.err
    assert rows(move, owned=True) == wanted(move)


def test_rows_that_may_satisfy_the_condition_of_a_root_are_told_to_stay(
    move: Move, shops: Settings, replant: Replant
) -> None:
    roots = {"schemas": {"roots": ["s.customer: id < 2"]}}
    settings = evolve(shops, plugins=PluginSettings(("schemas", "ordered"), roots))
    api.export(settings)
    told = "note: rows that only the target has were not looked for in s.customer: its roots were"

    assert told in " ".join(replant("sync", move.artifact, "--target", move.to.dsn).err.split())
    api.export(shops, force=True)
    assert "not looked for" not in replant("sync", move.artifact, "--target", move.to.dsn).err


def test_a_dry_run_and_a_rehearsal_change_nothing(
    move: Move, shops: Settings, replant: Replant
) -> None:
    move.source.execute(
        "UPDATE s.line SET v = 'new' WHERE n = 2; DELETE FROM s.line WHERE orders = 20"
    )
    api.export(shops)
    before = rows(move, owned=True)
    command = ("sync", move.artifact, "--target", move.to.dsn)

    dry = replant(*command, "--dry-run")
    rehearsed = replant(*command, "--rehearse")

    assert (dry.code, rehearsed.code) == (0, 0)
    assert ["s.line", "0", "1", "0"] in [line.split() for line in dry.out.splitlines()]
    assert "this was a rehearsal: everything was undone" in rehearsed.err
    assert rows(move, owned=True) == before


def test_a_trigger_that_changes_a_value_undoes_everything(move: Move, shops: Settings) -> None:
    move.target.execute(
        "CREATE FUNCTION s.shout() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN new.v := upper(new.v); RETURN new; END';"
        "CREATE TRIGGER shout BEFORE UPDATE ON s.orders FOR EACH ROW EXECUTE FUNCTION s.shout()",
        prepare=False,
    )
    move.source.execute("UPDATE s.orders SET v = 'new' WHERE id = 10")
    before = rows(move, owned=True)

    with pytest.raises(ChangeError, match=re.escape("s.orders: 0 rows are missing, 1 differ, 0 ")):
        sync(move, shops)

    assert rows(move, owned=True) == before


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("UPDATE s.line SET v = 'other' WHERE v = 'x'", "s.line: 0 rows are missing, 1 differ, 0 "),
        ("DELETE FROM s.line WHERE v = 'x'", "s.line: 1 rows are missing, 0 differ, 0 "),
        ("INSERT INTO s.line VALUES (11, 9, 'i')", "s.line: 0 rows are missing, 0 differ, 1 "),
    ],
)
def test_a_trigger_that_touches_another_row_undoes_everything(
    move: Move, shops: Settings, does: str, said: str
) -> None:
    move.target.execute(
        "CREATE FUNCTION s.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" BEGIN {does}; EXCEPTION WHEN division_by_zero THEN NULL; END; RETURN new; END $$;"
        "CREATE TRIGGER touch AFTER UPDATE ON s.orders FOR EACH ROW EXECUTE FUNCTION s.touch()",
        prepare=False,
    )
    move.source.execute("UPDATE s.orders SET v = 'new' WHERE id = 10")
    before = rows(move, owned=True)

    with pytest.raises(ChangeError, match=re.escape(said)):
        sync(move, shops)

    assert rows(move, owned=True) == before


@pytest.mark.parametrize("change", ["a value", "new rows", "rows without a key", "everything"])
def test_a_distant_server_hashes_its_rows_by_block(
    move: Move, shops: Settings, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    let_blocks_have(monkeypatch, 2)
    monkeypatch.setattr(find_changes, "is_near", lambda _: False)
    move.source.execute(CHANGES[change][0].encode(), prepare=False)

    assert sync(move, shops) == CHANGES[change][1]

    assert rows(move, owned=True) == wanted(move)


@pytest.mark.parametrize(
    "change", ["a value to NULL", "new rows", "everything", "a chain of values"]
)
def test_many_rows_come_through_temporary_tables(
    move: Move, shops: Settings, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(queries, "_MANY", 1)
    move.source.execute(CHANGES[change][0].encode(), prepare=False)

    assert sync(move, shops) == CHANGES[change][1]

    assert rows(move, owned=True) == wanted(move)


def test_sequences_are_moved_past_the_new_rows(move: Move, shops: Settings) -> None:
    move.on_both("ALTER TABLE s.orders ALTER id ADD GENERATED BY DEFAULT AS IDENTITY")
    move.source.execute("INSERT INTO s.orders VALUES (500, 1, 'n', 3)")

    sync(move, shops)

    assert move.found("SELECT nextval('s.orders_id_seq')") == [501]


def test_it_needs_no_more_than_the_changes_do(move: Move, shops: Settings) -> None:
    role = "replant_synchronizer"
    move.target.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN".encode())
    move.target.execute(
        f"GRANT USAGE ON SCHEMA s TO {role};"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA s TO {role};"
        f"REVOKE TEMPORARY ON DATABASE {move.to.name} FROM PUBLIC".encode(),
        prepare=False,
    )
    move.source.execute(
        "UPDATE s.orders SET v = 'new' WHERE id = 10; DELETE FROM s.line WHERE n = 2;"
        "INSERT INTO s.note VALUES (1, 'new')",
        prepare=False,
    )
    settings = evolve(shops, target=move.to.as_role(role))
    try:
        with pytest.raises(ChangeError) as refused:
            sync(move, settings)
        grants = re.findall(r"GRANT .*;", str(refused.value))
        assert grants == [
            f"GRANT INSERT ON s.note TO {role};",
            f"GRANT UPDATE ON s.orders TO {role};",
            f"GRANT DELETE ON s.line TO {role};",
        ]
        move.target.execute("".join(grants).encode(), prepare=False)

        assert sync(move, settings) == (1, 1, 1)

        assert rows(move, owned=True) == wanted(move)
    finally:
        move.target.execute(
            f"DROP OWNED BY {role}; DROP ROLE {role};"
            f"GRANT TEMPORARY ON DATABASE {move.to.name} TO PUBLIC".encode(),
            prepare=False,
        )


def test_the_source_is_no_target(move: Move, shops: Settings) -> None:
    with pytest.raises(ChangeError, match="is the source itself"):
        sync(move, evolve(shops, target=move.from_.dsn))


def test_another_session_that_changes_a_row_meanwhile_stops_it(move: Move, shops: Settings) -> None:
    move.source.execute("DELETE FROM s.line WHERE n = 2")
    api.export(shops)

    def change(_: object) -> bool:
        with psycopg.connect(move.to.dsn, autocommit=True) as other:
            other.execute("UPDATE s.line SET v = 'meanwhile' WHERE n = 2")
        return True

    with pytest.raises(ChangeError, match="another session changed the same rows meanwhile"):
        api.sync(str(move.artifact), shops, confirm=change)


def test_rows_that_only_a_predicate_chose_are_refused(move: Move, shops: Settings) -> None:
    registering = evolve(move, registrations=(Registration("s.note", ByPredicate("customer = 1")),))
    api.export(evolve(shops, plugins=PluginSettings()), host=registering.host)

    with pytest.raises(UsageError, match=re.escape("which rows of s.note belong to this artifact")):
        api.sync(str(move.artifact), shops)


@pytest.mark.parametrize(
    ("kind", "exported", "there"),
    [
        ("numeric", "1.0", "1.00"),
        ("float8", "-0", "0"),
        ("interval", "1 day", "24:00:00"),
        ("jsonb", '{"a": 1.0}', '{"a": 1.00}'),
        ("numeric[]", "{1.0,2}", "{1.00,2}"),
    ],
)
def test_a_row_whose_key_is_equal_and_written_otherwise_is_the_same_row(
    move: Move, kind: str, exported: str, there: str
) -> None:
    move.on_both(
        f"""
        CREATE SCHEMA s;
        CREATE TABLE s.shared (k {kind} PRIMARY KEY);
        CREATE TABLE s.customer (id int PRIMARY KEY);
        CREATE TABLE s.item (
            customer int REFERENCES s.customer, k {kind} REFERENCES s.shared, v text,
            PRIMARY KEY (customer, k));
        CREATE TABLE s.part (
            id int PRIMARY KEY, customer int, k {kind},
            FOREIGN KEY (customer, k) REFERENCES s.item);
        INSERT INTO s.customer VALUES (1);
        """
    )
    for database, key in ((move.source, exported), (move.target, there)):
        database.execute(f"INSERT INTO s.shared VALUES ('{key}')".encode())
        database.execute(f"INSERT INTO s.item VALUES (1, '{key}', 'a')".encode())
        database.execute(f"INSERT INTO s.part VALUES (1, 1, '{key}')".encode())
    assert sync(move, settings_of(move)) == (0, 2, 0)
    assert move.same("SELECT i, p FROM s.item AS i JOIN s.part AS p USING (customer, k)")
    assert move.found("SELECT k::text FROM s.shared") == [there], "it is shared, and left as it is"


def test_a_cycle_of_columns_that_may_not_be_null_is_changed(move: Move) -> None:
    """The constraints cannot be deferred, so nothing but one statement can insert or delete."""
    move.on_both(
        """
        CREATE SCHEMA s;
        CREATE TABLE s.customer (id int PRIMARY KEY, first int NOT NULL);
        CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer);
        ALTER TABLE s.customer ADD FOREIGN KEY (first) REFERENCES s.orders;
        WITH c AS (INSERT INTO s.customer VALUES (1, 10), (2, 20))
        INSERT INTO s.orders VALUES (10, 1), (20, 2);
        """
    )
    move.source.execute(
        "INSERT INTO s.orders VALUES (11, 1); UPDATE s.customer SET first = 11 WHERE id = 1;"
        "DELETE FROM s.orders WHERE id = 10",
        prepare=False,
    )
    settings = settings_of(move)
    assert sync(move, settings) == (1, 1, 1)
    everything = "SELECT c::text, o::text FROM s.customer c JOIN s.orders o ON o.customer = c.id"
    assert move.same(everything)

    api.remove(str(move.artifact), settings, confirm=lambda _: True)
    assert move.found(everything) == ["(2,20)"]
    assert sync(move, settings) == (2, 0, 0)
    assert move.same(f"{everything} ORDER BY 1")


def test_a_row_that_differs_takes_little_memory(move: Move) -> None:
    few, many = (_peak_of_sync(move, number) for number in (2_000, 12_000))

    # One of each kind; as objects of Python's, both together took 2.1 kB.
    assert (many - few) / 10_000 < 700


def test_a_trigger_is_noticed_where_most_rows_change(move: Move) -> None:
    settings = _many_rows(move, 1_500)
    move.target.execute(
        "CREATE FUNCTION s.touch() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF new.id = 7 THEN new.a = 0; END IF; RETURN new; END $$;"
        "CREATE TRIGGER touch BEFORE UPDATE ON s.many FOR EACH ROW EXECUTE FUNCTION s.touch()",
        prepare=False,
    )

    with pytest.raises(ChangeError, match=r"s\.many: 0 rows are missing, 1 differ"):
        api.sync(str(move.artifact), settings)

    assert move.target.execute("SELECT count(*) FROM s.many WHERE a = 0").fetchone() == (1_500,)


def _peak_of_sync(move: Move, number: int) -> int:
    """Change so many rows, and insert as many; return how many bytes it took at most."""
    move.empty()
    settings = _many_rows(move, number)
    tracemalloc.start()
    total = api.sync(str(move.artifact), settings).plan.total
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (total.inserted, total.updated, total.deleted) == (number, number, 0)
    return peak


def _many_rows(move: Move, number: int) -> Settings:
    """Export rows of which the target lacks so many, and has so many otherwise."""
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.many (id int PRIMARY KEY, a int, b timestamp)")
    move.source.execute(
        "INSERT INTO s.many SELECT n, n * 17, timestamp '2024-01-01' + n * interval '1 s'"
        f" FROM generate_series(1, {2 * number}) AS n"
    )
    move.target.execute(
        f"INSERT INTO s.many SELECT n, 0, '2000-01-01' FROM generate_series(1, {number}) AS n"
    )
    chosen = PluginSettings(("schemas", "ordered"), {"schemas": {"include": ["s.*"]}})
    settings = evolve(settings_of(move), plugins=chosen)
    api.export(settings, force=True)
    return settings


def test_a_table_without_a_column_that_can_be_written(move: Move, shops: Settings) -> None:
    move.on_both(
        "CREATE TABLE s.nothing (); CREATE TABLE s.computed (g int GENERATED ALWAYS AS (1) STORED)"
    )
    move.source.execute("INSERT INTO s.nothing DEFAULT VALUES")
    move.source.execute("INSERT INTO s.computed DEFAULT VALUES")
    move.target.execute("INSERT INTO s.nothing SELECT FROM generate_series(1, 3)")
    both = {"schemas": {"include": ["s.nothing", "s.computed"]}}
    settings = evolve(shops, plugins=PluginSettings(("schemas", "ordered"), both))

    assert sync(move, settings) == (1, 0, 2)
    for name in ("nothing", "computed"):
        assert move.same(f"SELECT count(*) FROM s.{name}")
    done = api.remove(str(move.artifact), settings, confirm=lambda _: True)
    assert done.total.deleted == 2


def test_rows_that_are_referenced_by_a_computed_column_are_refused(
    move: Move, shops: Settings
) -> None:
    move.on_both(
        "CREATE TABLE s.twice ("
        "  a int, k int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY, v text);"
        "CREATE TABLE s.of_twice (k int REFERENCES s.twice);"
    )
    move.source.execute("INSERT INTO s.twice VALUES (1, DEFAULT, 'x')")
    move.target.execute("INSERT INTO s.twice VALUES (1, DEFAULT, 'y')")
    chosen = {"schemas": {"include": ["s.twice"]}}
    settings = evolve(shops, plugins=PluginSettings(("schemas", "ordered"), chosen))

    with pytest.raises(ChangeError, match="as they do so by k, which the database computes"):
        sync(move, settings)
