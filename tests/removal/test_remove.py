"""The owned rows of an artifact are removed, all or none, and no other row is touched."""

from __future__ import annotations

import re

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.errors import ChangeError, PrivilegeError
from replant.model import ExportSettings, Layout, PluginSettings, Settings
from tests.support.commands import Replant
from tests.support.moves import Move, in_every_format

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.country (code text PRIMARY KEY, name text);
CREATE TABLE s.customer (
    id int PRIMARY KEY, country text REFERENCES s.country, name text, favourite int);
CREATE TABLE s.orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES s.customer, v text);
ALTER TABLE s.customer ADD CONSTRAINT likes FOREIGN KEY (favourite) REFERENCES s.orders;
CREATE TABLE s.note (customer int NOT NULL REFERENCES s.customer, v text);
INSERT INTO s.country VALUES ('de', 'Germany'), ('fr', 'France');
INSERT INTO s.customer VALUES (1, 'de', 'Ada'), (2, 'de', 'Bob');
INSERT INTO s.orders VALUES (10, 1, 'a'), (11, 1, 'b'), (20, 2, 'c');
INSERT INTO s.note VALUES (1, 'twice'), (1, 'twice'), (1, NULL), (1, ''), (2, 'twice');
UPDATE s.customer SET favourite = id * 10;
"""
ALL = """
SELECT 'country', t::text FROM s.country AS t UNION ALL SELECT 'customer', t::text FROM s.customer t
UNION ALL SELECT 'orders', t::text FROM s.orders t UNION ALL SELECT 'note', t::text FROM s.note t
ORDER BY 1, 2
"""
OF_OTHERS = [
    ("country", "(de,Germany)"),
    ("country", "(fr,France)"),
    ("customer", "(2,de,Bob,20)"),
    ("note", "(2,twice)"),
    ("orders", "(20,2,c)"),
]


def settings_of(move: Move, form: ExportSettings | None = None, role: str = "") -> Settings:
    form = form or ExportSettings(layout=Layout.DIRECTORY)
    output = {"output": str(move.artifact), "layout": form.layout, "format": form.format}
    return Settings(
        source=move.from_.dsn,
        target=move.from_.as_role(role) if role else move.from_.dsn,
        export=ExportSettings(**output),  # type: ignore[arg-type]
        plugins=PluginSettings(
            ("schemas", "ordered"), {"schemas": {"roots": ["s.customer: id = 1"]}}
        ),
    )


@pytest.fixture
def exported(move: Move) -> Settings:
    """A customer, exported; the target of what follows is the source itself."""
    move.source.execute(SHOP.encode(), prepare=False)
    settings = settings_of(move)
    api.export(settings)
    return settings


def rows(move: Move) -> list[tuple[str, str]]:
    return move.source.execute(ALL.encode()).fetchall()


def remove(move: Move, settings: Settings) -> dict[str, int]:
    done = api.remove(str(move.artifact), settings, confirm=lambda _: True)
    return {name.name: counts.deleted for name, counts in done.counts.items()}


@in_every_format
def test_the_owned_rows_go_and_all_others_stay(move: Move, form: ExportSettings) -> None:
    """Customers and orders reference each other, and no constraint can be deferred."""
    move.source.execute(SHOP.encode(), prepare=False)
    settings = settings_of(move, form)
    api.export(settings)

    assert remove(move, settings) == {"customer": 1, "orders": 2, "note": 4}

    assert rows(move) == OF_OTHERS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE s.orders SET v = 'new' WHERE id = 10", "id = 10: v is new, exported was a"),
        ("DELETE FROM s.orders WHERE id = 11", "id = 11 is missing in the target"),
        ("DELETE FROM s.note WHERE v = ''", "1 row is not as exported in s.note"),
        ("INSERT INTO s.orders VALUES (12, 1, 'new')", "by orders_customer_fkey: id = 12; delete"),
        (
            """CREATE TABLE s.alien (
                id int PRIMARY KEY, customer int REFERENCES s.customer ON DELETE CASCADE);
            INSERT INTO s.alien VALUES (5, 1)""",
            "1 row of s.alien that would stay references rows of s.customer",
        ),
        (
            """CREATE TABLE s.alien (customer int REFERENCES s.customer ON DELETE SET NULL);
            INSERT INTO s.alien VALUES (1)""",
            "by alien_customer_fkey: customer = 1",
        ),
        (
            "UPDATE s.customer SET favourite = 11 WHERE id = 2",
            "1 row of s.customer that would stay references rows of s.orders",
        ),
    ],
)
def test_nothing_is_deleted_where_rows_changed_or_others_reference_them(
    move: Move, exported: Settings, change: str, words: str
) -> None:
    move.source.execute(change.encode(), prepare=False)
    before = rows(move)

    with pytest.raises(ChangeError) as refused:
        remove(move, exported)

    assert words in str(refused.value)
    assert rows(move) == before


def test_a_key_that_the_target_lacks_is_named(move: Move, exported: Settings) -> None:
    """A row there has the same values, and would go too."""
    move.source.execute("ALTER TABLE s.orders DROP CONSTRAINT orders_pkey CASCADE")
    move.source.execute("INSERT INTO s.orders VALUES (10, 2, 'twin')")

    with pytest.raises(ChangeError, match=re.escape("ALTER TABLE s.orders ADD UNIQUE (id);")):
        remove(move, exported)


def test_it_asks(move: Move, exported: Settings, replant: Replant) -> None:
    before = rows(move)

    outcome = replant("remove", move.artifact, "--target", move.from_.dsn)

    assert outcome.code == 2
    assert "7 rows of 3 tables are deleted from " in outcome.err
    assert "say --yes to do it all the same" in outcome.err
    assert rows(move) == before


def test_a_dry_run_says_what_would_be_deleted(
    move: Move, exported: Settings, replant: Replant
) -> None:
    before = rows(move)

    outcome = replant("remove", move.artifact, "--target", move.from_.dsn, "--dry-run")

    assert outcome.code == 0
    told = [line.split() for line in outcome.out.splitlines() if line.startswith("s.")]
    assert sorted(told) == [
        ["s.customer", "0", "0", "1"],
        ["s.note", "0", "0", "4"],
        ["s.orders", "0", "0", "2"],
    ]
    assert "would ask: 7 rows of 3 tables are deleted from " in outcome.out
    assert rows(move) == before


def test_a_rehearsal_asks_nothing_and_undoes_it(
    move: Move, exported: Settings, replant: Replant
) -> None:
    before = rows(move)

    outcome = replant("remove", move.artifact, "--target", move.from_.dsn, "--rehearse")

    assert outcome.code == 0
    assert "removed 7 rows of 3 tables: 7 deleted" in outcome.err
    assert "this was a rehearsal: everything was undone" in outcome.err
    assert rows(move) == before


def test_a_trigger_that_keeps_a_row_undoes_it(move: Move, exported: Settings) -> None:
    """No foreign key would tell: the row that is kept references nothing any more."""
    move.source.execute(
        "CREATE TABLE s.tag (id int PRIMARY KEY, customer int REFERENCES s.customer);"
        "INSERT INTO s.tag VALUES (1, 1), (2, 1);"
        "CREATE FUNCTION s.keep() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN UPDATE s.tag SET customer = NULL WHERE id = old.id; RETURN NULL; END';"
        "CREATE TRIGGER keep BEFORE DELETE ON s.tag"
        " FOR EACH ROW WHEN (old.id = 1) EXECUTE FUNCTION s.keep()",
        prepare=False,
    )
    api.export(exported, force=True)
    before = rows(move)

    with pytest.raises(ChangeError, match=re.escape("1 of 2 rows of s.tag were deleted: a")):
        remove(move, exported)

    assert rows(move) == before


def test_a_trigger_that_brings_a_row_back_undoes_it(move: Move, exported: Settings) -> None:
    move.source.execute(
        "CREATE TABLE s.tag (id int PRIMARY KEY, customer int REFERENCES s.customer);"
        "INSERT INTO s.tag VALUES (1, 1);"
        "CREATE FUNCTION s.again() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO s.tag VALUES (old.id, NULL); RETURN NULL; END';"
        "CREATE TRIGGER again AFTER DELETE ON s.tag FOR EACH ROW EXECUTE FUNCTION s.again()",
        prepare=False,
    )
    api.export(exported, force=True)
    before = rows(move)

    with pytest.raises(ChangeError, match=re.escape("s.tag holds 1 of the deleted rows again")):
        remove(move, exported)

    assert rows(move) == before


def test_it_needs_delete_and_select_alone(move: Move, exported: Settings) -> None:
    role = "replant_remover"
    move.source.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN".encode())
    settings = settings_of(move, role=role)
    try:
        with pytest.raises(PrivilegeError, match="GRANT USAGE ON SCHEMA s TO replant_remover"):
            remove(move, settings)
        move.source.execute(f"GRANT USAGE ON SCHEMA s TO {role}".encode())
        move.source.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA s TO {role}".encode())
        grant = f"GRANT DELETE ON s.customer, s.note, s.orders TO {role};"
        with pytest.raises(ChangeError, match=re.escape(grant)):
            remove(move, settings)
        tables = "s.customer, s.orders, s.note"
        move.source.execute(f"GRANT DELETE ON {tables} TO {role}".encode())
        remove(move, settings)
        assert rows(move) == OF_OTHERS
    finally:
        move.source.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode(), prepare=False)


def test_privileges_on_columns_are_enough_but_for_a_table_without_a_key(
    move: Move, exported: Settings
) -> None:
    role = "replant_remover"
    move.source.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN".encode())
    move.source.execute(
        f"GRANT USAGE ON SCHEMA s TO {role}; GRANT SELECT (code, name) ON s.country TO {role};"
        f"GRANT SELECT (id, country, name, favourite) ON s.customer TO {role};"
        f"GRANT SELECT (id, customer, v) ON s.orders TO {role};"
        f"GRANT SELECT (customer, v) ON s.note TO {role};"
        f"GRANT DELETE ON s.customer, s.orders, s.note TO {role}".encode(),
        prepare=False,
    )
    settings = settings_of(move, role=role)
    try:
        grant = f"lacks SELECT on s.note; GRANT SELECT ON s.note TO {role};"
        with pytest.raises(ChangeError, match=re.escape(grant)):
            remove(move, settings)
        move.source.execute(f"GRANT SELECT ON s.note TO {role}".encode())
        remove(move, settings)
        assert rows(move) == OF_OTHERS
    finally:
        move.source.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode(), prepare=False)


def test_a_policy_that_hides_rows_is_refused(move: Move, exported: Settings) -> None:
    role = "replant_remover"
    move.source.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN".encode())
    move.source.execute(
        f"GRANT USAGE ON SCHEMA s TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA s TO {role};"
        "ALTER TABLE s.note ENABLE ROW LEVEL SECURITY".encode(),
        prepare=False,
    )
    try:
        with pytest.raises(PrivilegeError, match="may not see all rows of some tables"):
            remove(move, settings_of(move, role=role))
    finally:
        move.source.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode(), prepare=False)


def test_rows_that_another_session_changes_meanwhile_are_not_deleted(
    move: Move, exported: Settings
) -> None:
    before = rows(move)

    def change(_: object) -> bool:
        with psycopg.connect(move.from_.dsn, autocommit=True) as other:
            other.execute("UPDATE s.orders SET v = 'meanwhile' WHERE id = 10")
        return True

    with pytest.raises(ChangeError, match="another session changed the same rows meanwhile"):
        api.remove(str(move.artifact), exported, confirm=change)

    assert len(rows(move)) == len(before)


def test_what_was_removed_cannot_be_removed_again(move: Move, exported: Settings) -> None:
    remove(move, exported)

    with pytest.raises(ChangeError, match="is missing in the target"):
        remove(move, exported)


#: Of each setting of a target a type, a value, and another that has the same text under it; the
#: value itself where it has another text there than in the artifact.
SAME_TEXT = [
    ("extra_float_digits", "0", "float8", "0.3", "0.30000000000000004"),
    ("TimeZone", "Europe/Berlin", "timestamptz", "2024-01-02 00:00Z", "2024-01-02 00:00:01Z"),
    ("DateStyle", "German", "date", "2024-01-02", "2024-02-01"),
    ("bytea_output", "escape", "bytea", r"\x00ff", r"\x00fe"),
    ("IntervalStyle", "iso_8601", "interval", "1 day", "2 days"),
]


@pytest.mark.parametrize(("setting", "value", "kind", "own", "other"), SAME_TEXT)
def test_a_row_without_a_key_is_told_by_its_exact_values(
    move: Move, setting: str, value: str, kind: str, own: str, other: str
) -> None:
    move.on_both(f"CREATE SCHEMA s; CREATE TABLE s.t (v {kind})")
    move.source.execute(f"INSERT INTO s.t VALUES ('{own}')")
    move.target.execute(f"INSERT INTO s.t VALUES ('{other}'), ('{own}'), ('{other}')")
    move.export()
    settings = evolve(move.settings(), source=None, target_settings={setting: value})

    removed = api.remove(str(move.artifact), settings, confirm=lambda _: True)

    assert removed.total.deleted == 1
    left = move.target.execute(f"SELECT v = '{other}', count(*) FROM s.t GROUP BY 1").fetchall()
    assert left == [(True, 2)]
