"""Tables that reference each other in any way, as a strategy that orders a load is told of them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from replant.model import ForeignKey, OrderRequest, RelationName
from replant_plugins.strategies.cycles import MOST_ROWS_TOGETHER
from replant_plugins.strategies.ordered import NAME

PLAIN_NAMES = st.builds(RelationName, st.sampled_from("rs"), st.sampled_from("abcd"))

#: Around the number of rows from which on a cycle is loaded in more than one statement.
COUNTS = st.sampled_from(
    (0, 1, MOST_ROWS_TOGETHER // 2, MOST_ROWS_TOGETHER, MOST_ROWS_TOGETHER + 1)
)


@st.composite
def order_requests(
    draw: DrawFn,
    *,
    names: SearchStrategy[RelationName] = PLAIN_NAMES,
    column_names: SearchStrategy[str] = st.sampled_from(("c0", "c1", "c2")),  # noqa: B008 - a value
    counts: SearchStrategy[int] = COUNTS,
    strategy: str = NAME,
) -> OrderRequest:
    """A few tables and foreign keys between any of them, some of one column, some of two."""
    tables = draw(st.lists(names, min_size=1, max_size=5, unique=True).map(sorted))
    columns = draw(st.lists(column_names, min_size=2, max_size=3, unique=True))
    one_table, some_columns = (
        st.sampled_from(tables),
        st.lists(st.sampled_from(columns), min_size=1, max_size=2, unique=True).map(tuple),
    )
    drawn = draw(st.lists(st.tuples(one_table, some_columns, one_table, st.booleans()), max_size=9))
    keys = [
        ForeignKey(f"key {number}", table, own, other, tuple(columns[: len(own)]), deferrable)
        for number, (table, own, other, deferrable) in enumerate(drawn)
    ]
    cells = st.sampled_from([(table, column) for table in tables for column in columns])
    some_tables = st.just(frozenset(tables)) | st.frozensets(one_table)
    at_a_target = draw(st.booleans())
    return OrderRequest(
        strategy=strategy,
        tables=tuple(tables),
        foreign_keys=tuple(sorted(keys, key=lambda key: (key.table, key.name))),
        row_counts={table: draw(counts) for table in tables},
        nullable=draw(st.frozensets(cells)),
        keyed=draw(some_tables),
        declared=tuple(sorted(draw(st.frozensets(st.tuples(one_table, one_table), max_size=3)))),
        may_update=draw(st.frozensets(one_table)) if at_a_target else None,
        may_copy=draw(some_tables) if at_a_target else None,
        may_stage=draw(some_tables) if at_a_target else None,
        may_be_replica=draw(st.booleans()) if at_a_target else None,
    )
