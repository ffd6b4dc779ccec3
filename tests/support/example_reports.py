"""Reports of made-up verifications with any number of tables."""

from __future__ import annotations

from random import Random

from replant.database.connection_facts import ConnectionFacts
from replant.model import Omission, Severity
from replant.report.run_report import (
    CheckResult,
    MadeCheck,
    Outcome,
    ReportedArtifact,
    ReportedColumn,
    ReportedNote,
    ReportedRow,
    ReportedTable,
    ReportedValue,
    RunFacts,
    RunPhase,
    RunReport,
    TableReference,
)

#: A name that would end a script, a table of Markdown, and an attribute.
HOSTILE = 'shop."</script><b>|`x"'


def example_report(number: int, *, seed: int = 1) -> RunReport:
    """A verification of so many tables, of which the fourth differs and the last has a bad name."""
    random = Random(seed)  # noqa: S311 - rows of an example
    names = [f"shop.{word(random)}_{place}" for place in range(number - 1)] + [HOSTILE]
    tables = tuple(_table(name, place, random) for place, name in enumerate(names))
    references = {
        TableReference(names[place], (f"{parent}_id",), names[parent], ("id",))
        for place in range(1, number)
        for parent in _parents(place, random)
    }
    return RunReport(
        command="verify",
        replant="0.1.0",
        started="2024-03-01T02:00:00.000+00:00",
        seconds=83.4,
        outcome=Outcome.DIFFERENT,
        exit_code=1,
        error=None,
        connections=(ConnectionFacts("target", "db.example", 5432, "shop", "checker", "18.6"),),
        phases=(
            RunPhase("check the artifact", 3.25),
            RunPhase("compare", 80.1, sum(table.rows for table in tables), 123_456_789),
        ),
        facts=RunFacts(
            summary=(f"1 of {number} tables differs",),
            scope={"shop_id": "7"},
            strategy="ordered",
            plugins={"schemas": "replant 0.1.0"},
            artifacts=(ReportedArtifact("shop.sql", "file", "copy", 123_456_789, "ab" * 32),),
            tables=tables,
            references=tuple(sorted(references)),
            checks=(
                MadeCheck("the digests of shop.sql are right", CheckResult.PASSED),
                MadeCheck("the rows are equal", CheckResult.FAILED, f"differ: {names[3]}"),
                MadeCheck("the target has no other rows", CheckResult.NOT_MADE, "no privilege"),
            ),
            notes=(ReportedNote(Severity.NOTE, "no index serves <b>this</b>"),),
            left_out=(Omission("shop.log", "a table that no reference leads to"),),
        ),
    )


def word(random: Random) -> str:
    """Return a word that might name a table."""
    return random.choice(["customer", "order", "order_line", "product", "price", "note", "address"])


def _parents(place: int, random: Random) -> set[int]:
    if random.random() < 0.08:
        return set()
    likely = [random.randrange(min(place, 12)), random.randrange(place)]
    return {*likely[: random.choice([1, 1, 2])], *([place] if random.random() < 0.05 else [])}


def _table(name: str, place: int, random: Random) -> ReportedTable:
    kept = place == 3 or name == HOSTILE
    rows = 0 if random.random() < 0.2 and not kept else random.randrange(1, 50_000)
    columns = (ReportedColumn("id", "integer", not_null=True), ReportedColumn("name", "text"))
    masked = ReportedColumn("email", "text", not_null=True, changes=("mask: email",))
    table = {"rows": rows, "counts": {"found": rows}, "seconds": rows / 1e4, "size": rows * 80}
    differs = place == 3
    return ReportedTable(
        name=name,
        shared=rows if place < 2 else 0,
        key=("id",),
        columns=(*columns, masked),
        came=(f"down by {name}(shop_id) → shop.shop(id): {rows} rows",),
        compared="content",
        result=CheckResult.FAILED if differs else CheckResult.PASSED,
        differing=12 if differs else 0,
        differences=_DIFFERENCES if differs else (),
        **table,  # type: ignore[arg-type]
    )


_DIFFERENCES = (
    ReportedRow("changed", "id = 2", (ReportedValue("name", "Ben", "Bob"),)),
    ReportedRow("changed", "id = 3", (ReportedValue("name", None, "<i>Cid</i>"),)),
    ReportedRow("missing", "id = 4"),
)
