"""The plugin `mask`: values that say who somebody is leave as others, and belong together still."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replant_plugins.transforms.array_elements import each_element
from replant_plugins.transforms.mask_choice import KINDS
from tests.docs.documents import Document
from tests.support.commands import Replant
from tests.support.masking import SECRET, configure, moved, prepare, refused
from tests.support.moves import Move

SCHEMA = """
CREATE SCHEMA s;
CREATE DOMAIN s.address AS varchar(60);
CREATE TABLE s.person (
    id int PRIMARY KEY, email s.address NOT NULL UNIQUE, name text, phone varchar(20),
    born date, seen timestamptz, income numeric(12,2), code char(6), ref uuid, host inet,
    iban text, card text, notes text);
CREATE TABLE s.invoice (id int PRIMARY KEY, email varchar(50) REFERENCES s.person (email));
CREATE TABLE s.reminder (id int PRIMARY KEY, email varchar(55) REFERENCES s.person (email));
INSERT INTO s.person VALUES
    (1, 'ada@home.org', 'Ada Lovelace', '+44 20 7946-0018', '1815-12-10', '2020-01-02 03:04:05+00',
     1234.50, 'AB-12', '11111111-2222-3333-4444-555555555555', '192.168.7.1',
     'DE89 3704 0044 0532 0130 00', '4111 1111 1111 1111', 'likes engines'),
    (2, 'ben@home.org', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2001:db9::1', NULL, NULL, NULL);
INSERT INTO s.invoice VALUES (1, 'ada@home.org'), (2, NULL);
INSERT INTO s.reminder VALUES (1, 'ben@home.org'), (2, 'ada@home.org');
"""

ALL_KINDS = """
[[tables]]
name = "s.person"
mask = { email = "email", name = "name", phone = "phone", born = "date:30", seen = "date:5", \
income = "number:10", code = "digits", ref = "uuid", host = "ip", iban = "iban", card = "card", \
notes = "lorem" }
"""


@pytest.fixture
def folder(tmp_path: Path, move: Move, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two databases of one schema; the source has the rows."""
    prepare(tmp_path, move, SCHEMA, monkeypatch)
    move.target.execute("TRUNCATE s.person, s.invoice, s.reminder")
    return tmp_path


def test_every_kind_replaces_its_value_and_references_hold(
    replant: Replant, move: Move, folder: Path
) -> None:
    configure(move, ALL_KINDS)
    written = moved(replant)
    for value in ("ada@", "ben@", "Lovelace", "7946", "1815-12-10", "2020-01-02", "1234.5"):
        assert value not in written, value
    for value in ("11111111-2", "192.168", "2001:db9", "0532", "4111", "engines", SECRET):
        assert value not in written, value
    (row,) = move.target.execute("SELECT * FROM s.person WHERE id = 1").fetchall()
    (_, email, name, phone, born, seen, income, code, _, host, iban, card, notes) = row
    assert email.endswith("@example.invalid")
    assert name
    assert re.fullmatch(r"\+\d\d \d\d \d{4}-\d{4}", phone)
    assert 1 <= abs((born - date(1815, 12, 10)).days) <= 30
    assert seen.strftime("%H:%M:%S") == "03:04:05"
    assert 1111 <= income <= 1235
    assert re.fullmatch(r"[A-Z]{2}-\d\d ", code)
    assert str(host).startswith("10.")
    assert iban_is_valid(iban)
    assert luhn_sum(card) % 10 == 0
    assert len(notes) == len("likes engines")
    joined = "SELECT p.id FROM s.reminder r JOIN s.person p USING (email) ORDER BY r.id"
    assert move.found(joined) == [2, 1]
    assert move.found("SELECT count(*) FROM s.invoice WHERE email IS NULL") == [1]


def test_every_kind_is_documented() -> None:
    text = Document("docs/reference/configuration.md").text
    rows = text.partition("<!-- kinds of masks -->")[2].partition("\n\n")[0].splitlines()[3:]
    written = [re.findall(r"`([^`]+)`", row)[0] for row in rows]
    assert written == [f"{k}:{word.upper()}" if word else k for k, word in KINDS.items()]


def iban_is_valid(text: str) -> bool:
    bare = text.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97 == 1


def luhn_sum(text: str) -> int:
    numbers = [int(c) for c in text if c.isdigit()][::-1]
    return sum(n if i % 2 == 0 else sum(divmod(2 * n, 10)) for i, n in enumerate(numbers))


def test_kinds_in_sql(replant: Replant, move: Move, folder: Path) -> None:
    configure(
        move,
        '[[tables]]\nname = "s.person"\nmask = { name = "keep-first:3", iban = "keep-last:4", '
        """card = "constant:it's 'x'", notes = "null", code = "keep-last:1" }""",
        mask="",
    )
    moved(replant)
    found = move.target.execute("SELECT name, iban, card, notes, code FROM s.person ORDER BY id")
    assert found.fetchall() == [
        ("Ada*********", "*" * 23 + "0 00", "it's 'x'", None, "****2 "),
        (None, None, None, None, None),
    ]


def test_the_same_secret_gives_the_same_masks_and_another_gives_others(
    replant: Replant, move: Move, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(move, ALL_KINDS)
    first, again = moved(replant), ""
    replant("export", "-o", "b.sql", "--quiet")
    assert Path("b.sql").read_text() == first
    monkeypatch.setenv("MASK_SECRET", "another")
    replant("export", "-o", "c.sql", "--quiet")
    again = Path("c.sql").read_text()
    masks = re.compile(r"\w+@example\.invalid")
    assert set(masks.findall(first)) & set(masks.findall(again)) == set()


@pytest.mark.parametrize("end", ["person", "invoice", "reminder"])
def test_a_mask_takes_the_other_ends_of_references_along(
    replant: Replant, move: Move, folder: Path, end: str
) -> None:
    configure(move, f'[[tables]]\nname = "s.{end}"\nmask = {{ email = "email" }}')
    assert "home.org" not in moved(replant)
    assert move.found("SELECT count(*) FROM s.invoice JOIN s.person USING (email)") == [1]


def test_masks_by_pattern_and_by_type_and_columns_that_keep(
    replant: Replant, move: Move, folder: Path
) -> None:
    more = '[plugins.mask.columns]\n"*.person.n*" = "lorem"\n[plugins.mask.types]\n'
    more += '"s.address" = "email"\n"date" = "date:3"\n'
    configure(move, f'{more}[[tables]]\nname = "s.person"\nmask = {{ notes = "keep" }}')
    written = moved(replant)
    assert "home.org" not in written
    assert "Lovelace" not in written
    assert "1815-12-10" not in written
    assert "likes engines" in written


def test_what_changes_is_told_without_the_secret(
    replant: Replant, move: Move, folder: Path
) -> None:
    configure(move, ALL_KINDS)
    plan = replant("plan")
    for told in (plan.out, moved(replant).partition("BEGIN")[0]):
        assert "s.invoice.email: mask: email" in told
        assert "s.person.born: mask: date:30" in told
        assert SECRET not in told
    assert '"changes": ["mask: email"]' in re.sub(r"\s+", " ", Path("a.sql").read_text()).replace(
        "[ ", "["
    ).replace(" ]", "]")


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ('{ email = "emial" }', ["no kind of mask is 'emial'", "did you mean 'email'?"]),
        ('{ emial = "email" }', ["tables[0].mask.emial", "did you mean email?"]),
        ('{ born = "date" }', ["'date:DAYS'"]),
        ('{ born = "date:0" }', ["the days of 'date' must be a number from 1 to"]),
        ('{ name = "name:x" }', ["takes nothing behind it"]),
        ('{ email = "null" }', ["s.person.email cannot be masked as 'null': it is NOT NULL"]),
        ('{ phone = "email" }', ["s.person.phone", "it takes 20 characters, and a mask has 36"]),
        ('{ id = "hash" }', ["s.person.id", "it is of type integer; fitting are: bpchar"]),
        ('{ phone = "constant:123456789012345678901" }', ["takes 20 characters"]),
    ],
)
def test_what_cannot_be_masked_is_refused_with_the_reason(
    replant: Replant, move: Move, folder: Path, mask: str, words: list[str]
) -> None:
    configure(move, f'[[tables]]\nname = "s.person"\nmask = {mask}')
    refused(replant("plan"), *words)


def test_all_mistakes_are_told_at_once(replant: Replant, move: Move, folder: Path) -> None:
    more = '[plugins.mask.columns]\n"*.emial" = "email"\n"*.{}" = "{}"\n'
    table = '[[tables]]\nname = "s.person"\nmask = { id = "hash", code = "nam" }'
    configure(move, more.format("name", "nam") + table + "\n[plugins.mask.types]\na = 'b'\n")
    refused(replant("plan"), 'columns."*.name": no kind of mask is', "mask.types.a: no kind")
    configure(move, more.format("name", "name") + table)
    refused(
        replant("plan"),
        'columns."*.emial": matches no column',
        "did you mean *.email?",
        "s.person.id",
        "tables[0].mask.code: no kind of mask",
    )


def test_two_ends_of_a_reference_with_different_masks_are_refused(
    replant: Replant, move: Move, folder: Path
) -> None:
    tables = '[[tables]]\nname = "s.{}"\nmask = {{ email = "{}" }}\n'
    for other in ("hash", "keep"):
        configure(move, tables.format("person", "email") + tables.format("invoice", other))
        refused(replant("plan"), "s.person.email", "s.invoice.email", "give both the same kind")


def test_two_patterns_that_differ_for_a_column_are_refused(
    replant: Replant, move: Move, folder: Path
) -> None:
    configure(move, '[plugins.mask.columns]\n"*.name" = "name"\n"*.n*" = "lorem"\n')
    refused(replant("plan"), "s.person.name is masked otherwise by")


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("", ["plugins.mask.secret: is missing"]),
        (f'secret = "{SECRET}"', ["must be 'env:NAME'"]),
        ('secret = "env:NO_SUCH_VARIABLE"', ["'NO_SUCH_VARIABLE' is not set"]),
        ('secret = "env:MASK_SECRET"\nlocale = "xx_XX"', ["has no locale 'xx_XX'"]),
    ],
)
def test_a_wrong_setting_is_refused(
    replant: Replant, move: Move, folder: Path, mask: str, words: list[str]
) -> None:
    configure(move, ALL_KINDS, mask=mask)
    refused(replant("plan"), *words)


def test_masks_without_the_plugin_are_refused(replant: Replant, move: Move, folder: Path) -> None:
    Path("replant.toml").write_text(
        f'[source]\ndsn = "{move.from_.dsn}"\n[plugins.schemas]\ninclude = ["s.*"]\n{ALL_KINDS}'
    )
    refused(replant("plan"), "tables[0].mask: the plugin 'mask' is not enabled")


def test_masks_that_meet_in_a_unique_key_are_refused(
    replant: Replant, move: Move, folder: Path
) -> None:
    move.source.execute("CREATE UNIQUE INDEX ON s.person (iban)")
    move.source.execute("UPDATE s.person SET iban = id::text")
    configure(move, '[[tables]]\nname = "s.person"\nmask = { iban = "first-name" }')
    move.source.execute(
        "INSERT INTO s.person (id, email, iban)"
        " SELECT n, n || '@x.org', n::text FROM generate_series(10, 3000) AS n"
    )
    outcome = replant("export", "-o", "a.sql", "--quiet")
    assert outcome.code == 3, outcome
    assert "two rows of s.person get the same (iban), which is unique" in outcome.err
    assert not Path("a.sql").exists()


def test_a_column_that_must_be_transformed(replant: Replant, move: Move, folder: Path) -> None:
    export = '[export]\nmust_transform = ["*.email", "*.person.phone"]\n'
    configure(move, f'{export}[[tables]]\nname = "s.person"\nmask = {{ email = "email" }}')
    refused(replant("export", "-o", "a.sql"), "s.person.phone matches '*.person.phone'", "omit it")
    configure(
        move,
        f'{export}[[tables]]\nname = "s.person"\nmask = {{ email = "email" }}\nomit = ["phone"]',
    )
    assert "home.org" not in moved(replant)


def test_a_root_and_a_scope_do_not_tell_what_is_masked(
    replant: Replant, move: Move, folder: Path
) -> None:
    configure(move, ALL_KINDS)
    written = moved(replant, "--root", "s.person: email = 'ada@home.org'")
    assert "home.org" not in written
    move.target.execute("TRUNCATE s.person, s.invoice, s.reminder")
    written = moved(replant, "--scope-column", "email", "--scope", "email=ada@home.org")
    assert "home.org" not in written
    move.target.execute("TRUNCATE s.person, s.invoice, s.reminder")
    assert "id = 1" in moved(replant, "--root", "s.person: id = 1")


def test_init_proposes_masks_that_can_be_used(replant: Replant, move: Move, folder: Path) -> None:
    move.on_both(
        'CREATE TABLE s."a*b" (id int PRIMARY KEY, "Last_Name" text, "user email" text,'
        " email varchar(10), password_hash text, date_of_birth date, ip inet, title text);"
    )
    move.source.execute(
        """INSERT INTO s."a*b" VALUES (1, 'Lovelace', 'x', 'a@b.c', 'x', '1815-12-10', '1.2.3.4')"""
    )
    outcome = replant("init", "-o", "replant.toml")
    assert outcome.code == 0, outcome
    proposed = Path("replant.toml").read_text()
    masks = proposed[proposed.index("# [plugins.mask]") :].partition("\n\n")[0]
    assert re.findall(r'# "(.*)" = "(.*)"', masks) == [
        ("s.a[*]b.Last_Name", "last-name"),
        ("s.a[*]b.password_hash", "hash"),
        ("s.a[*]b.date_of_birth", "date:30"),
        ("s.a[*]b.ip", "ip"),
        ("s.invoice.email", "email"),
        ("s.person.email", "email"),
        ("s.person.phone", "phone"),
        ("s.person.born", "date:30"),
        ("s.person.host", "ip"),
        ("s.person.iban", "iban"),
        ("s.reminder.email", "email"),
    ]
    Path("replant.toml").write_text(proposed.replace(masks, masks.replace("# ", "")))
    plan = replant("plan")
    assert plan.code == 0, plan.err
    assert "s.person.email: mask: email" in plan.out


def test_rows_are_shown_before_and_after_on_a_terminal_only(
    replant: Replant, move: Move, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(move, ALL_KINDS)
    piped = replant("plan", "--sample", "1")
    assert piped.code == 2
    assert "only on a terminal" in piped.err
    assert "ada@" not in piped.out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    shown = replant("plan", "--sample", "1")
    assert shown.code == 0, shown.err
    person, invoice = (line.split() for line in shown.out.splitlines() if " ada@home.org " in line)
    assert person[:4] == ["id", "=", "1", "email"]
    assert person[-1].endswith("@example.invalid")
    assert invoice[-1] == person[-1]  # the reference has the same mask
    assert shown.out.count("Ada Lovelace") == 1


CHECKED = """
CREATE DOMAIN s.slug AS text CHECK (VALUE ~ '^[a-z]+$');
CREATE TABLE s.shop (id int PRIMARY KEY, code text CHECK (code LIKE 'SHOP-%'), slug s.slug,
    note text CHECK (length(note) < 9));
INSERT INTO s.shop VALUES (1, 'SHOP-1', 'ada', 'short'), (2, NULL, NULL, NULL);
"""


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ('code = "hash"', "s.shop: values that the plugin 'mask'"),
        ('code = "constant:x"', "(code) break its CHECK ((code ~~ 'SHOP-%'::text))"),
        ('slug = "hash"', "break the CHECK 'slug_check' of the domain 'slug'"),
        ('note = "hash"', "break its CHECK ((length(note) < 9))"),
    ],
)
def test_a_mask_that_breaks_a_check_is_refused_in_the_plan(
    replant: Replant, move: Move, folder: Path, mask: str, said: str
) -> None:
    move.source.execute(CHECKED, prepare=False)
    configure(move, f'[[tables]]\nname = "s.shop"\nmask = {{ {mask} }}')
    refused(replant("plan"), said)


def test_a_mask_that_breaks_no_check_is_planned(replant: Replant, move: Move, folder: Path) -> None:
    move.source.execute(CHECKED, prepare=False)
    fine = 'code = "constant:SHOP-9", slug = "null", note = "digits"'
    configure(move, f'[[tables]]\nname = "s.shop"\nmask = {{ {fine} }}')
    assert replant("plan").code == 0


def test_each_element_of_an_array_is_masked(replant: Replant, move: Move, folder: Path) -> None:
    move.on_both(
        "CREATE TABLE s.list (id int PRIMARY KEY, mails s.address[], days date[], refs uuid[][])"
    )
    move.source.execute(
        """INSERT INTO s.list VALUES
        (1, '[0:2]={ada@home.org,NULL,"\\"a,{b"}', '{2020-02-29}',
         '{{77777777-2222-3333-4444-555555555555,NULL}}'), (2, '{}', NULL, '{}')"""
    )
    kinds = 'mails = "email", days = "date:3", refs = "uuid"'
    configure(
        move,
        f'[[tables]]\nname = "s.list"\nmask = {{ {kinds} }}\n'
        '[[tables]]\nname = "s.person"\nmask = { email = "email" }\n',
    )
    written = moved(replant)
    for value in ("ada@", "a,{b", "2020-02-29", "77777777"):
        assert value not in written
    first, second = move.target.execute(
        "SELECT id, mails::text[], days, refs FROM s.list ORDER BY id"
    ).fetchall()
    assert second == (2, [], None, [])
    (mail, nothing, other), (day,), ((ref, none),) = first[1:]
    assert (nothing, none) == (None, None)
    assert other.endswith("@example.invalid")
    assert 1 <= abs((day - date(2020, 2, 29)).days) <= 3
    assert str(ref) != "77777777-2222-3333-4444-555555555555"
    # The same value has the same mask, in an array and beside it.
    assert move.found(f"SELECT id FROM s.person WHERE email = '{mail}'") == [1]
    assert move.found("SELECT array_lower(mails, 1) FROM s.list WHERE id = 1") == [0]
    configure(move, '[[tables]]\nname = "s.list"\nmask = { mails = "keep-first:2" }')
    refused(replant("plan"), "only texts have characters")


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1))))
def test_elements_are_found_whatever_they_hold(elements: list[str | None]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    written = "{" + ",".join("NULL" if e is None else quoted(e) for e in elements) + "}"
    seen: list[str] = []

    def taken(text: str) -> str:
        seen.append(text)
        return text

    again = each_element(written, taken)
    assert each_element(again, str) == again
    assert seen == [element for element in elements if element is not None]
