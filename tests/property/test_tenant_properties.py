"""Whatever a tenant's rows hold, they arrive as they were, and nobody else's do."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from psycopg import sql

from replant.artifact.reading import open_artifact
from replant.rendering.rows import texts
from replant.testing.rows import first_difference, insert_rows
from replant.testing.strategies import Tenants
from tests.property.moving import Mover
from tests.property.platform_rows import EXTENSION

#: An example here is several round trips to a server: a sixth or less of what the profile says.
EXAMPLES = settings().max_examples // 6
FEW_EXAMPLES = settings().max_examples // 10


@pytest.mark.parametrize(
    ("strategy", "as_inserter"),
    [("ordered", True), ("superuser", False)],
    ids=["ordered, by a role that may only INSERT", "superuser"],
)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_the_target_holds_exactly_the_tenants_rows(
    data: DataObject,
    mover: Mover,
    tenants: SearchStrategy[Tenants],
    strategy: str,
    as_inserter: bool,
) -> None:
    drawn = data.draw(tenants)
    mover.source.hold(drawn.together)

    mover.exported(drawn.scopes[0], strategy=strategy)
    mover.replay(drawn.scopes[0], as_inserter=as_inserter)

    difference = first_difference(mover.source.contents(drawn.scopes[0]), mover.target.contents())
    assert difference is None, difference


@settings(max_examples=FEW_EXAMPLES)
@given(data=st.data())
def test_no_row_of_another_tenant_is_in_the_artifact(
    data: DataObject, mover: Mover, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)
    mover.source.hold(drawn.together)

    mover.exported(drawn.scopes[0])

    with open_artifact(str(mover.artifact)) as artifact:
        for name, table in artifact.manifest.planned.items():
            scope = mover.source.scope_column(name)
            for row in (row for lines in artifact.rows(name) for row in lines):
                held = dict(zip(table.column_names, texts(row), strict=True))
                if scope is not None:
                    assert held[scope] == drawn.scopes[0], f"{name} holds another's row: {row!r}"
                else:
                    needed = {
                        r["name"]
                        for n, rows in drawn.own[0].items()
                        for r in rows
                        if n.name == "database_extension"
                    }
                    assert held["name"] in needed, f"{name} holds a row nobody needs: {row!r}"


@settings(max_examples=FEW_EXAMPLES)
@given(data=st.data())
def test_two_exports_give_the_same_bytes(
    data: DataObject, mover: Mover, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)
    mover.source.hold(drawn.together)

    first, second = (mover.exported(drawn.scopes[0]) for _ in range(2))

    assert first.splitlines() == second.splitlines()


@settings(max_examples=FEW_EXAMPLES)
@given(data=st.data())
def test_the_order_in_which_rows_were_inserted_changes_no_byte(
    data: DataObject, mover: Mover, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)
    random = data.draw(st.randoms(use_true_random=False))
    shuffled = {name: list(rows) for name, rows in drawn.together.items()}
    for rows in shuffled.values():
        random.shuffle(rows)
    mover.source.hold(drawn.together)
    mover.target.hold(shuffled)

    first = mover.exported(drawn.scopes[0])
    second = mover.exported(drawn.scopes[0], side=mover.target)

    assert first.splitlines() == second.splitlines()


@settings(max_examples=FEW_EXAMPLES)
@given(data=st.data())
def test_a_replayed_tenant_is_verified_as_equal_among_others(
    data: DataObject, mover: Mover, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)
    mover.source.hold(drawn.together)
    mover.exported(drawn.scopes[0])
    mover.replay(drawn.scopes[0])
    replayed = mover.target.keys(EXTENSION, sql.SQL("true"))
    others = evolve(
        drawn,
        own=drawn.own[1:],
        shared={EXTENSION: [r for r in drawn.shared[EXTENSION] if r["name"] not in replayed]},
    )
    insert_rows(mover.target.connection, others.together)

    results = mover.verified(drawn.scopes[0])

    different = [(str(r.name), [str(d) for d in r.differences]) for r in results if not r.equal]
    assert different == []
    exported = mover.source.contents(drawn.scopes[0])
    assert {r.name: r.found for r in results} == {n: len(rows) for n, rows in exported.items()}


@settings(max_examples=FEW_EXAMPLES)
@given(data=st.data())
def test_replaying_by_another_strategy_gives_the_same_rows(
    data: DataObject, mover: Mover, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)
    mover.source.hold(drawn.together)
    mover.exported(drawn.scopes[0], strategy="superuser")

    mover.replay(drawn.scopes[0], as_inserter=True, strategy="ordered")

    difference = first_difference(mover.source.contents(drawn.scopes[0]), mover.target.contents())
    assert difference is None, difference
