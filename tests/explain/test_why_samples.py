"""`why` from an artifact: a row that a sample left out did not come by the sampled reference."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

from replant.testing.servers.server import Database
from tests.support.commands import Replant

SHOP = """
CREATE SCHEMA s;
CREATE TABLE s.customer (id int PRIMARY KEY);
CREATE TABLE s.orders (code {type} PRIMARY KEY, customer int REFERENCES s.customer);
CREATE TABLE s.payment (id int PRIMARY KEY, orders {type} REFERENCES s.orders);
INSERT INTO s.customer VALUES (1), (2);
INSERT INTO s.orders SELECT n{more}, 1 + n % 2 FROM generate_series(1, 12) AS n;
INSERT INTO s.payment SELECT row_number() OVER (), code FROM s.orders;
"""

CONFIGURATION = """
[source]
dsn = "{dsn}"
[plugins.schemas]
roots = ["s.customer: true", "s.payment: true"]
[[plugins.schemas.edges]]
table = "s.orders"
columns = ["customer"]
{sample}
"""


@pytest.mark.parametrize(("type_", "more"), [("int", ""), ("varchar(9)", """ || '"\u00e9'""")])
@pytest.mark.parametrize("sample", ['sample = "40%"', 'sample = 2\nper = "customer"'])
def test_the_artifact_tells_the_path_that_the_source_tells(
    database: Database, replant: Replant, tmp_path: Path, sample: str, type_: str, more: str
) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute(SHOP.format(type=type_, more=more).encode())
        codes = [str(code) for (code,) in connection.execute("SELECT code FROM s.orders")]
    file = tmp_path / "replant.toml"
    file.write_text(CONFIGURATION.format(dsn=database.dsn, sample=sample))
    made = tmp_path / "a.sql"
    assert replant("export", "-c", file, "-o", made, "--quiet").code == 0

    by_sample = 0
    for code in codes:
        asked = f"s.orders: code = '{code}'"
        source = replant("why", "-c", file, asked)
        artifact = replant("why", made, asked)
        assert (source.code, artifact.code) == (0, 0), (source, artifact)
        roots = [re.findall(r"s\.(?:customer|payment)\b", each.out) for each in (source, artifact)]
        assert sorted(set(roots[0])) == sorted(set(roots[1])), (source.out, artifact.out)
        by_sample += "s.payment" not in roots[1]
    assert 0 < by_sample < len(codes)
