"""Whatever a tenant's rows hold, they arrive as they were, also among those of others.

What holds of every plugin is in `test_conformance`.
"""

from __future__ import annotations

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from psycopg import sql

from replant.testing.generation.row_strategies import Tenants
from replant.testing.rows import first_difference, insert_rows
from tests.support.platform_rows import DATABASE_NAMES, EXTENSION
from tests.support.property_tests import example_count
from tests.support.tenant_mover import Mover

#: An example here is several round trips to a server: a tenth of what the profile says.
EXAMPLES = example_count(10)


@settings(max_examples=EXAMPLES)
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
    exported = mover.source.of_tenant(drawn.scopes[0])
    assert {r.name: r.found for r in results} == {n: len(rows) for n, rows in exported.items()}


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_replaying_by_another_strategy_gives_the_same_rows(
    data: DataObject, mover: Mover, tenants: SearchStrategy[Tenants]
) -> None:
    drawn = data.draw(tenants)
    mover.source.hold(drawn.together)
    mover.exported(drawn.scopes[0], strategy="superuser")

    mover.replay(drawn.scopes[0], as_inserter=True, strategy="ordered")

    difference = first_difference(
        mover.source.of_tenant(drawn.scopes[0]), mover.target.contents(without=DATABASE_NAMES)
    )
    assert difference is None, difference
