"""A closed set on a real server: what schemas may hold, what a role may lack, what people are told.

That the set is the smallest is a property, and tested as one. Most tests work in a transaction that
ends with a rollback, which costs less than a database each.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from replant.closure.closure import Closure, find_closure
from replant.closure.closure_request import Budget, ClosureRequest, Rules
from replant.closure.graph_reader import read_reference_graph
from replant.closure.reachability import find_reachable
from replant.closure.size_estimate import estimate_sizes
from replant.closure.visited_rows import SearchStep, VisitedRows
from replant.database.connections import READING, reading
from replant.database.read_catalog import read_catalog
from replant.errors import (
    BudgetError,
    CatalogMismatchError,
    ConfigurationError,
    OutputError,
    PrivilegeError,
    ScopeError,
    UsageError,
)
from replant.explain.closure_paths import explain_closure
from replant.explain.explanation import Barrier
from replant.model import ChosenRows, PlannedColumn, PlannedTable, RelationName
from replant.model.closure_rules import Children, EdgeRule, Root
from replant.model.references import (
    ArrayReference,
    DeclaredReference,
    EdgeName,
    PlainReference,
    PolymorphicReference,
    PolymorphicTarget,
    ReferenceGraph,
)
from replant.sql.row_queries import rows_by_depth
from replant.sql.where_clauses import rows_at
from replant.testing.servers.server import Database, Server
from tests.conftest import MakeDatabase

Source = Connection[TupleRow]

SHOP = """
CREATE TABLE public.customer (id int PRIMARY KEY, name text);
CREATE TABLE public.product (id int PRIMARY KEY);
CREATE TABLE public.orders (
    id int PRIMARY KEY, customer_id int NOT NULL REFERENCES public.customer
);
CREATE TABLE public.line (
    order_id int REFERENCES public.orders, n int, product_id int REFERENCES public.product,
    PRIMARY KEY (order_id, n)
);
CREATE INDEX ON public.orders (customer_id);
CREATE INDEX ON public.line (product_id);
INSERT INTO public.customer VALUES (1, 'a'), (2, 'b');
INSERT INTO public.product VALUES (1), (2), (3);
INSERT INTO public.orders VALUES (10, 1), (11, 1), (12, 2), (13, 1);
INSERT INTO public.line VALUES (10, 1, 1), (11, 1, 1), (11, 2, 2), (12, 1, 1), (12, 2, 3);
"""

CUSTOMER, ORDERS = RelationName("public", "customer"), RelationName("public", "orders")
LINE, PRODUCT = RelationName("public", "line"), RelationName("public", "product")
OF_CUSTOMER = EdgeName(ORDERS, "orders_customer_id_fkey")
OF_ORDER = EdgeName(LINE, "line_order_id_fkey")


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Source]:
    database = server.create_database()
    with psycopg.connect(database.dsn, autocommit=True) as connected:
        yield connected
    server.drop_database(database)


@pytest.fixture
def source(connection: Source) -> Iterator[Source]:
    """A transaction with the settings of a source, which leaves nothing behind."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL client_min_messages = warning")
        for name, value in READING.items():
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        yield connection


def graph_of(source: Source, *declared: DeclaredReference) -> ReferenceGraph:
    return read_reference_graph(source, read_catalog(source), declared)


def request(
    *roots: str, rules: Rules | None = None, budget: Budget | None = None
) -> ClosureRequest:
    return ClosureRequest(tuple(map(Root.parse, roots)), rules or Rules(), budget or Budget())


def grown(
    source: Source, *roots: str, rules: Rules | None = None, declared: Any = ()
) -> dict[str, list[str]]:
    """The rows of the set: of each table the texts of the first column, sorted."""
    with find_closure(source, graph_of(source, *declared), request(*roots, rules=rules)) as closure:
        return {name.name: first_column(source, closure, name) for name in closure.counts}


def first_column(source: Source, closure: Closure, name: RelationName) -> list[str]:
    column = closure.graph.tables[name].columns[0].name
    query = sql.SQL("SELECT {column}::text FROM {table} AS t0 WHERE {rows} ORDER BY {column}")
    found = source.execute(
        query.format(
            column=sql.Identifier("t0", column),
            table=sql.Identifier(name.schema, name.name),
            rows=rows_at(closure.rows_at(name), "t0"),
        )
    )
    return [text for (text,) in found]


# -- which rows ----------------------------------------------------------------------------------


def test_rows_without_a_key_are_part_of_the_set_each_by_itself(source: Source) -> None:
    source.execute("""
        CREATE TABLE public.parent (id int PRIMARY KEY);
        CREATE TABLE public.child (note text, parent int REFERENCES public.parent);
        INSERT INTO public.parent VALUES (1), (2);
        INSERT INTO public.child VALUES ('same', 1), ('same', 1), ('other', 2), ('none', NULL);
    """)
    assert grown(source, "public.parent: id = 1") == {"parent": ["1"], "child": ["same", "same"]}


def test_a_key_of_an_extension_s_type_compares_as_its_constraint_does(source: Source) -> None:
    source.execute("""
        CREATE EXTENSION citext SCHEMA public;
        CREATE TABLE public.account (name public.citext PRIMARY KEY);
        CREATE TABLE public.post (id int, author public.citext REFERENCES public.account);
        INSERT INTO public.account VALUES ('Ann'), ('Bob');
        INSERT INTO public.post VALUES (1, 'ANN'), (2, 'bob');
    """)
    assert grown(source, "public.post: id = 1") == {"account": ["Ann"], "post": ["1"]}
    assert grown(source, "public.account: true")["post"] == ["1", "2"]


def test_columns_of_different_types_and_collations_compare_as_their_constraint_does(
    source: Source,
) -> None:
    source.execute("""
        CREATE TABLE public.parent (code text COLLATE "C" PRIMARY KEY, n numeric UNIQUE);
        CREATE TABLE public.child (
            id int, code varchar COLLATE "POSIX" REFERENCES public.parent (code),
            n int REFERENCES public.parent (n)
        );
        INSERT INTO public.parent VALUES ('a', 1), ('b', 2), ('c', 3);
        INSERT INTO public.child VALUES (1, 'a', NULL), (2, NULL, 2), (3, 'c', 3);
    """)
    assert grown(source, "public.child: id < 3") == {"child": ["1", "2"], "parent": ["a", "b"]}
    assert grown(source, "public.parent: code = 'a'")["child"] == ["1"]


def test_a_period_needs_every_row_that_covers_a_part_of_it(source: Source) -> None:
    if source.info.server_version < 180000:
        pytest.skip("PostgreSQL has temporal foreign keys from 18 on")
    source.execute("""
        CREATE TABLE public.price (
            item int4range, valid daterange, PRIMARY KEY (item, valid WITHOUT OVERLAPS)
        );
        CREATE TABLE public.sale (
            id int, item int4range, valid daterange,
            FOREIGN KEY (item, PERIOD valid) REFERENCES public.price (item, PERIOD valid)
        );
        INSERT INTO public.price VALUES
            ('[1,1]', '[2024-01-01,2024-02-01)'), ('[1,1]', '[2024-02-01,2024-03-01)'),
            ('[1,1]', '[2024-03-01,2024-04-01)'), ('[2,2]', '[2024-01-01,2024-04-01)');
        INSERT INTO public.sale VALUES (1, '[1,1]', '[2024-01-15,2024-02-15)');
    """)
    with find_closure(source, graph_of(source), request("public.sale: id = 1")) as closure:
        assert {name.name: rows for name, rows in closure.counts.items()} == {"price": 2, "sale": 1}


def test_inherited_rows_are_those_of_the_table_that_holds_them(source: Source) -> None:
    source.execute("""
        CREATE TABLE public.owner (id int PRIMARY KEY);
        CREATE TABLE public.animal (id int PRIMARY KEY, owner int REFERENCES public.owner);
        CREATE TABLE public.dog (FOREIGN KEY (owner) REFERENCES public.owner)
            INHERITS (public.animal);
        INSERT INTO public.owner VALUES (1);
        INSERT INTO public.animal VALUES (1, 1);
        INSERT INTO public.dog VALUES (2, 1);
    """)
    assert grown(source, "public.owner: true") == {"animal": ["1"], "dog": ["2"], "owner": ["1"]}


# -- partitions ----------------------------------------------------------------------------------

PARTITIONED = """
CREATE TABLE public.device (id int PRIMARY KEY);
CREATE TABLE public.site (id int PRIMARY KEY);
CREATE TABLE public.reading (
    id int, device int REFERENCES public.device, site int, PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE TABLE public.reading_low PARTITION OF public.reading FOR VALUES FROM (0) TO (10)
    PARTITION BY RANGE (id);
CREATE TABLE public.reading_low_a PARTITION OF public.reading_low FOR VALUES FROM (0) TO (5);
CREATE TABLE public.reading_low_b PARTITION OF public.reading_low FOR VALUES FROM (5) TO (10);
CREATE TABLE public.reading_high PARTITION OF public.reading FOR VALUES FROM (10) TO (20);
ALTER TABLE public.reading_low ADD CONSTRAINT low_site FOREIGN KEY (site) REFERENCES public.site;
CREATE TABLE public.alarm (id int, reading int REFERENCES public.reading);
CREATE TABLE public.remark (id int, reading int REFERENCES public.reading_high);
INSERT INTO public.device VALUES (1), (2);
INSERT INTO public.site VALUES (1), (2);
INSERT INTO public.reading VALUES (1, 1, 1), (6, 1, 2), (11, 1, 2), (12, 2, 1), (7, 2, 1);
INSERT INTO public.alarm VALUES (1, 1), (2, 11), (3, 12);
INSERT INTO public.remark VALUES (1, 11), (2, 12);
"""


def test_rows_of_partitions_are_found_in_whatever_partition_they_lie(source: Source) -> None:
    source.execute(PARTITIONED)
    assert grown(source, "public.device: id = 1") == {
        "alarm": ["1", "2"],
        "device": ["1"],
        "reading": ["1", "6", "11"],
        "remark": ["1"],
        "site": ["1", "2"],
    }


def test_a_key_of_one_partition_holds_for_its_rows_only(source: Source) -> None:
    source.execute(PARTITIONED)
    # The reading 12 has the value of a site too, but lies in a partition without that key.
    assert grown(source, "public.reading: id = 12").keys() == {
        "alarm",
        "device",
        "reading",
        "remark",
    }
    assert grown(source, "public.site: id = 1")["reading"] == ["1", "7"]


def test_a_root_may_be_a_partition(source: Source) -> None:
    source.execute(PARTITIONED)
    assert grown(source, "public.reading_low: device = 1")["reading"] == ["1", "6"]


def test_select_on_a_partitioned_table_is_enough_for_its_partitions(source: Source) -> None:
    source.execute(PARTITIONED)
    as_reader(source, "device", "site", "reading", "alarm", "remark")
    assert grown(source, "public.device: id = 2") == {
        "alarm": ["3"],
        "device": ["2"],
        "reading": ["7", "12"],
        "remark": ["2"],
        "site": ["1"],
    }


def test_a_partition_that_is_a_foreign_table_is_refused(source: Source) -> None:
    source.execute("""
        CREATE FOREIGN DATA WRAPPER elsewhere;
        CREATE SERVER elsewhere FOREIGN DATA WRAPPER elsewhere;
        CREATE TABLE public.reading (id int) PARTITION BY RANGE (id);
        CREATE FOREIGN TABLE public.old PARTITION OF public.reading FOR VALUES FROM (0) TO (1)
            SERVER elsewhere;
    """)
    with pytest.raises(CatalogMismatchError, match=r"the partitions public\.old are foreign"):
        grown(source, "public.reading: true")


# -- references that no constraint declares ------------------------------------------------------

LOOSE = """
CREATE TABLE public.person (id uuid PRIMARY KEY, born int);
CREATE TABLE public.team (id int PRIMARY KEY, members uuid[], budget_ids text[]);
CREATE TABLE public.budget (id bigint PRIMARY KEY);
CREATE TABLE public.comment (id int PRIMARY KEY, about_type text, about_id text, writer text);
INSERT INTO public.person SELECT md5(n::text)::uuid, n FROM generate_series(1, 4) AS n;
INSERT INTO public.team VALUES
    (1, ARRAY[md5('1'), md5('2'), NULL]::uuid[], '{7,08}'), (2, ARRAY[md5('3')]::uuid[], NULL);
INSERT INTO public.budget VALUES (7), (8), (9);
INSERT INTO public.comment VALUES
    (1, 'Person', md5('1'), md5('4')), (2, 'Team', '1', NULL), (3, 'Planet', 'Mars', NULL),
    (4, NULL, '1', NULL);
"""
TEAM, PERSON = RelationName("public", "team"), RelationName("public", "person")
COMMENT, BUDGET = RelationName("public", "comment"), RelationName("public", "budget")
MEMBERS = ArrayReference(TEAM, "members", PERSON, "id")
BUDGETS = ArrayReference(TEAM, "budget_ids", BUDGET, "id")
WRITER = PlainReference(COMMENT, ("writer",), PERSON, ("id",))
ABOUT = PolymorphicReference(
    COMMENT,
    "about_type",
    ("about_id",),
    (PolymorphicTarget("Person", PERSON, ("id",)), PolymorphicTarget("Team", TEAM, ("id",))),
)


def test_elements_of_arrays_reference_rows_also_where_their_types_differ(source: Source) -> None:
    source.execute(LOOSE)
    found = grown(source, "public.team: id = 1", declared=[MEMBERS, BUDGETS])
    assert found["budget"] == ["7", "8"]
    assert len(found["person"]) == 2


@pytest.mark.parametrize("index", ["", "CREATE INDEX ON public.team USING gin (members)"])
def test_arrays_that_hold_a_row_s_key_are_found_with_and_without_an_index(
    source: Source, index: str
) -> None:
    source.execute(LOOSE)
    source.execute(index)
    (edge,) = (r for r in graph_of(source, MEMBERS).references if r.elements)
    assert edge.indexed is bool(index)
    assert grown(source, "public.person: born = 2", declared=[MEMBERS])["team"] == ["1"]


def test_a_polymorphic_pair_references_the_table_that_its_type_names(source: Source) -> None:
    source.execute(LOOSE)
    found = grown(source, "public.comment: id <= 4", declared=[ABOUT])
    assert found["team"] == ["1"]
    assert len(found["person"]) == 1


def test_rows_are_found_by_a_polymorphic_pair_that_references_them(source: Source) -> None:
    source.execute(LOOSE)
    # `Mars` is not a number, and nobody takes it for one.
    assert grown(source, "public.team: true", declared=[ABOUT])["comment"] == ["2"]


def test_a_column_by_convention_references_as_a_foreign_key_would(source: Source) -> None:
    source.execute(LOOSE)
    assert grown(source, "public.person: born = 4", declared=[WRITER])["comment"] == ["1"]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (PlainReference(TEAM, ("boss",), PERSON, ("id",)), "public.team has no column 'boss'"),
        (
            PlainReference(TEAM, ("id",), RelationName("public", "nothing"), ("id",)),
            "has no table public.nothing",
        ),
        (
            PlainReference(TEAM, ("id",), PERSON, ("id",)),
            "'id' (integer) and 'id' (uuid) have no equality in common",
        ),
        (
            ArrayReference(TEAM, "id", PERSON, "born"),
            "the elements of 'id' (integer) and 'born' (integer) have no equality in common",
        ),
        (
            PlainReference(TEAM, ("budget_ids",), PERSON, ("id",), "members"),
            "is declared under the name public.team.members, which is that of",
        ),
    ],
)
def test_a_reference_that_cannot_be_is_refused(
    source: Source, declared: DeclaredReference, problem: str
) -> None:
    source.execute(LOOSE)
    with pytest.raises(ConfigurationError) as caught:
        graph_of(source, MEMBERS, declared)
    assert problem in str(caught.value)


# -- sources that allow little ------------------------------------------------------------------


def as_reader(source: Source, *tables: str, privilege: str = "SELECT") -> None:
    """Go on as a role that may read these tables, and nothing else."""
    source.execute("CREATE ROLE replant_closure_reader")
    listed = ", ".join(f"public.{table}" for table in tables)
    source.execute(f"GRANT {privilege} ON {listed} TO replant_closure_reader")
    source.execute("REVOKE TEMPORARY ON DATABASE " + source.info.dbname + " FROM public")
    source.execute("SET LOCAL ROLE replant_closure_reader")


def test_a_role_that_may_only_select_in_a_read_only_transaction_is_enough(source: Source) -> None:
    source.execute(SHOP)
    as_reader(source, "customer", "orders", "line", "product")
    source.execute("SET TRANSACTION READ ONLY")
    assert grown(source, "public.customer: id = 1") == {
        "customer": ["1"],
        "line": ["10", "11", "11"],
        "orders": ["10", "11", "13"],
        "product": ["1", "2"],
    }


def test_a_table_that_may_not_be_read_is_named_with_the_grant_before_any_row(
    source: Source,
) -> None:
    source.execute(SHOP)
    as_reader(source, "customer", "orders")
    with pytest.raises(PrivilegeError) as caught:
        grown(source, "public.customer: id = 1")
    assert "GRANT SELECT ON public.line, public.product TO replant_closure_reader" in str(
        caught.value
    )


def test_a_table_to_which_every_reference_is_stopped_need_not_be_read(source: Source) -> None:
    source.execute(SHOP)
    as_reader(source, "customer", "orders")
    rules = Rules(tables={ORDERS: Children.STOP})
    assert grown(source, "public.customer: id = 2", rules=rules)["orders"] == ["12"]


def test_select_on_columns_does_not_show_where_rows_lie(source: Source) -> None:
    source.execute(SHOP)
    as_reader(source, "customer", privilege="SELECT (id, name)")
    with pytest.raises(PrivilegeError, match=r"GRANT SELECT ON public\.customer"):
        grown(source, "public.customer: id = 1", rules=Rules(Children.STOP))


def test_rows_that_row_level_security_hides_are_an_error(source: Source) -> None:
    source.execute(SHOP)
    source.execute("ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY")
    as_reader(source, "customer", "orders", "line", "product")
    with pytest.raises(PrivilegeError, match=r"may hide rows of public\.orders"):
        grown(source, "public.customer: id = 1")


def test_places_hold_while_others_change_and_vacuum_the_rows(make_database: MakeDatabase) -> None:
    database = make_database()
    with psycopg.connect(database.dsn, autocommit=True) as writer:
        writer.execute(SHOP)
        asked = request("public.customer: id = 1")
        with (
            reading(database.dsn, "source") as source,
            find_closure(source, graph_of(source), asked) as closure,
        ):
            writer.execute("UPDATE public.orders SET customer_id = 2")
            writer.execute("DELETE FROM public.line")
            writer.execute("VACUUM public.orders, public.line")
            writer.execute("INSERT INTO public.orders VALUES (14, 1)")
            assert first_column(source, closure, ORDERS) == ["10", "11", "13"]
            assert first_column(source, closure, LINE) == ["10", "11", "11"]


# -- how it is read ------------------------------------------------------------------------------


def test_where_indexes_serve_only_rows_of_the_set_are_read_though_never_analysed(
    source: Source,
) -> None:
    source.execute(SHOP)
    source.execute("""
        INSERT INTO public.customer SELECT n FROM generate_series(3, 20000) AS n;
        INSERT INTO public.orders SELECT n, n FROM generate_series(100, 20000) AS n;
    """)
    reads = """
        SELECT sum(seq_scan) FILTER (WHERE relname <> 'customer'), sum(idx_tup_fetch)
        FROM pg_stat_xact_user_tables
    """
    before = source.execute(reads).fetchone()
    with find_closure(source, graph_of(source), request("public.customer: id % 20 = 5")) as closure:
        assert closure.counts[ORDERS] == 995
    assert before is not None
    # The root alone reads its table as a whole.
    assert source.execute(reads).fetchone() == (before[0], before[1] + 995)


def test_the_planner_is_left_as_it_was(source: Source) -> None:
    source.execute(SHOP)
    source.execute("SET LOCAL enable_mergejoin = off")
    grown(source, "public.customer: id = 1")
    shown = source.execute(
        "SELECT current_setting('enable_seqscan'), current_setting('enable_mergejoin')"
    )
    assert shown.fetchone() == ("on", "off")


@pytest.mark.parametrize(
    ("index", "serves"),
    [
        ("CREATE INDEX ON public.child (b, a)", True),
        ("CREATE INDEX ON public.child (a, b, other)", True),
        ("CREATE INDEX ON public.child (a, b) WHERE a IS NOT NULL", True),
        ("CREATE INDEX ON public.child (a) INCLUDE (b)", False),
        ("CREATE INDEX ON public.child (other, a, b)", False),
        ("CREATE INDEX ON public.child (a, b) WHERE other IS NOT NULL", False),
        ("CREATE INDEX ON public.child (a, lower(b))", False),
        ('CREATE INDEX ON public.child (a, b COLLATE "POSIX")', False),
    ],
)
def test_an_index_serves_a_key_if_it_begins_with_the_key_s_columns(
    source: Source, index: str, serves: bool
) -> None:
    source.execute("""
        CREATE TABLE public.parent (a int, b text COLLATE "C", PRIMARY KEY (a, b));
        CREATE TABLE public.child (
            other int, a int, b text COLLATE "C", FOREIGN KEY (a, b) REFERENCES public.parent
        );
    """)
    source.execute(index)
    unindexed = find_reachable(graph_of(source), request("public.parent: true")).unindexed
    assert [str(reference) for reference, _ in unindexed] == (
        [] if serves else ["public.child(a, b) → public.parent(a, b)"]
    )


def test_a_reference_that_is_followed_only_upward_needs_no_index(source: Source) -> None:
    source.execute(SHOP)
    source.execute("DROP INDEX public.orders_customer_id_idx")
    graph = graph_of(source)
    assert find_reachable(graph, request("public.orders: true")).unindexed == ()
    (found, *others) = find_reachable(graph, request("public.customer: true")).unindexed
    assert (found[0].edge, found[1], others) == (OF_CUSTOMER, True, [])


def test_the_estimate_multiplies_along_references(source: Source) -> None:
    source.execute("""
        CREATE TABLE public.customer (id int PRIMARY KEY, region int);
        CREATE TABLE public.orders (id int PRIMARY KEY, customer_id int REFERENCES public.customer);
        CREATE INDEX ON public.orders (customer_id);
        INSERT INTO public.customer SELECT n, n / 10 FROM generate_series(0, 99) AS n;
        INSERT INTO public.orders SELECT n, CASE WHEN n % 2 = 0 THEN n / 20 END
            FROM generate_series(0, 1999) AS n;
        ANALYZE public.customer, public.orders;
    """)
    graph = graph_of(source)
    assert estimate_sizes(source, graph, request("public.customer: region = 1")) == {
        CUSTOMER: 10,
        ORDERS: 100,
    }
    limited = Rules(edges={OF_CUSTOMER: EdgeRule(limit=3)})
    found = estimate_sizes(source, graph, request("public.customer: region = 1", rules=limited))
    assert found[ORDERS] == 30


def test_rows_of_the_set_are_split_by_depth_as_others_are(source: Source) -> None:
    source.execute("""
        CREATE TABLE public.node (id int PRIMARY KEY, depth int REFERENCES public.node);
        INSERT INTO public.node VALUES
            (1, NULL), (2, 1), (3, 2), (4, 4), (5, 4), (6, 7), (7, 6), (8, 6), (9, NULL), (10, 9);
    """)
    node = RelationName("public", "node")
    graph = graph_of(source)
    (key,) = graph.tables[node].foreign_keys
    columns = (PlannedColumn("id", "integer"), PlannedColumn("depth", "integer"))
    with find_closure(source, graph, request("public.node: id IN (3, 5, 8)")) as closure:
        rows = {node: ChosenRows((closure.rows_at(node),))}
        table = PlannedTable(node, columns, key=("id",), rows=rows[node])
        found = source.execute(rows_by_depth(rows, table, key)).fetchall()
    assert found == [
        ("'1',NULL", 0),
        ("'4','4'", 0),
        ("'2','1'", 1),
        ("'5','4'", 1),
        ("'3','2'", 2),
        ("'6','7'", None),
        ("'7','6'", None),
        ("'8','6'", None),
    ]


# -- limits --------------------------------------------------------------------------------------


def test_a_budget_in_all_names_the_path_by_which_most_rows_came(source: Source) -> None:
    source.execute(SHOP)
    source.execute("INSERT INTO public.line SELECT 10, n FROM generate_series(100, 2000) AS n")
    with pytest.raises(BudgetError) as caught:
        find_closure(
            source, graph_of(source), request("public.customer: id = 1", budget=Budget(rows=1000))
        )
    assert str(caught.value).splitlines() == [
        "the closed set has more than 1,000 rows, which is its budget; most came by this path:",
        "  root public.customer: id = 1: 1 row",
        "  down by public.orders(customer_id) → public.customer(id): 3 rows",
        "  down by public.line(order_id) → public.orders(id): 1,904 rows",
        "stop or limit a reference on it, choose fewer roots, or allow more rows",
    ]


def test_a_budget_of_a_table_counts_its_rows_only(source: Source) -> None:
    source.execute(SHOP)
    budget = Budget(tables={ORDERS: 2})
    with pytest.raises(BudgetError, match=r"more than 2 rows of public\.orders, which is"):
        find_closure(source, graph_of(source), request("public.customer: id = 1", budget=budget))


def test_a_budget_ends_a_query_before_all_its_rows_were_read(database: Database) -> None:
    with psycopg.connect(database.dsn) as writer:
        writer.execute(SHOP)
        writer.execute("INSERT INTO public.orders SELECT n, 1 FROM generate_series(100, 99999) n")
    taken = 0

    def count(_table: RelationName, rows: int, _bytes: int) -> None:
        nonlocal taken
        taken += rows

    asked = request("public.customer: id = 1", budget=Budget(rows=10))
    with pytest.raises(BudgetError), reading(database.dsn, "source") as source:
        find_closure(source, graph_of(source), asked, count)
    assert taken < 50_000


def test_a_limit_takes_the_first_children_of_each_row_by_their_key(source: Source) -> None:
    source.execute(SHOP)
    rules = Rules(edges={OF_CUSTOMER: EdgeRule(limit=1), OF_ORDER: EdgeRule(limit=1)})
    found = grown(source, "public.customer: true", rules=rules)
    assert (found["orders"], found["line"]) == (["10", "12"], ["10", "12"])


def test_sets_that_find_no_room_on_disk_are_a_clear_error() -> None:
    rows = [(place, 0) for place in range(100_000)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with VisitedRows(memory=100) as found:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
        try:
            with pytest.raises(OutputError, match=r"temporary file: .*; let TMPDIR name a folder"):
                found.add(rows, SearchStep(1, 0, down=True))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


# -- what is asked wrongly -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "error", "problem"),
    [
        (request("public.customr: id = 1"), UsageError, "did you mean public.customer?"),
        (request("public.customer: id = 9"), ScopeError, "no row satisfies the root public.cus"),
        (request("public.customer: idd = 9"), UsageError, 'column "idd" does not exist'),
        (request("public.customer: id = 'x'"), UsageError, "invalid input syntax for type int"),
        (request("public.customer: id = 1) OR (true"), UsageError, "syntax error"),
        (request(), UsageError, "needs a root"),
        (
            request("public.customer: true", rules=Rules(tables={TEAM: Children.STOP})),
            ConfigurationError,
            "public.team has a rule, but the source has no such table",
        ),
        (
            request(
                "public.customer: true",
                rules=Rules(edges={EdgeName(ORDERS, "orders_customer_fkey"): EdgeRule(limit=1)}),
            ),
            ConfigurationError,
            "did you mean public.orders.orders_customer_id_fkey?",
        ),
    ],
)
def test_a_request_that_cannot_be_carried_out_says_why(
    source: Source, asked: ClosureRequest, error: type[Exception], problem: str
) -> None:
    source.execute(SHOP)
    with pytest.raises(error) as caught:
        find_closure(source, graph_of(source), asked)
    assert problem in str(caught.value)


# -- why -----------------------------------------------------------------------------------------


def told(source: Source, asked: str, *roots: str, rules: Rules | None = None) -> list[str]:
    with find_closure(source, graph_of(source), request(*roots, rules=rules)) as closure:
        return str(explain_closure(source, closure, Root.parse(asked))).splitlines()


def test_a_row_of_the_set_is_explained_by_its_path(source: Source) -> None:
    source.execute(SHOP)
    assert told(source, "public.product: id = 2", "public.customer: id = 1") == [
        "public.product id = 2 is part of the closed set:",
        "  root public.customer: id = 1: public.customer id = 1",
        "  down by public.orders(customer_id) → public.customer(id) to public.orders id = 11",
        "  down by public.line(order_id) → public.orders(id) to public.line order_id = 11, n = 2",
        "  up by public.line(product_id) → public.product(id) to public.product id = 2",
    ]


def test_a_row_reached_both_ways_is_explained_by_the_way_that_was_gone_on(source: Source) -> None:
    # Order 10 is needed by a line in the first step; only from its customer do its lines follow.
    source.execute(SHOP)
    roots = ("public.line: order_id = 10", "public.customer: id = 1")
    source.execute("INSERT INTO public.line VALUES (10, 2, 3)")
    lines = told(source, "public.product: id = 3", *roots)
    assert lines[1:4] == [
        "  root public.line: order_id = 10: public.line order_id = 10, n = 2",
        "  up by public.line(product_id) → public.product(id) to public.product id = 3",
    ]


@pytest.mark.parametrize(
    ("rules", "last", "barrier"),
    [
        (
            Rules(edges={OF_ORDER: EdgeRule(Children.STOP)}),
            "public.orders id = 11",
            "public.line(order_id) → public.orders(id): the rules stop this reference",
        ),
        (
            Rules(edges={OF_ORDER: EdgeRule(limit=1)}),
            "public.orders id = 11",
            "public.line(order_id) → public.orders(id): the limit of this reference left it out",
        ),
        (
            Rules(tables={CUSTOMER: Children.STOP}),
            "public.customer id = 1",
            "public.orders(customer_id) → public.customer(id): the rules stop this reference",
        ),
    ],
)
def test_a_row_outside_is_explained_by_the_reference_that_would_have_led_to_it(
    source: Source, rules: Rules, last: str, barrier: str
) -> None:
    source.execute(SHOP)
    lines = told(source, "public.product: id = 2", "public.customer: id = 1", rules=rules)
    assert lines[0].startswith("public.product id = 2 is not part of the closed set; it would be")
    assert (lines[1].strip(), lines[-1]) == (last, barrier)


def test_a_row_outside_says_that_what_is_only_needed_pulls_nothing_in(source: Source) -> None:
    source.execute(SHOP)
    lines = told(source, "public.orders: id = 11", "public.orders: id = 10")
    assert lines[1:] == [
        "  public.customer id = 1",
        "  down by public.orders(customer_id) → public.customer(id) to public.orders id = 11",
        f"public.orders(customer_id) → public.customer(id): {Barrier.NOT_DESCENDED.value}",
    ]


def test_a_row_to_which_nothing_leads_says_how_far_was_looked(source: Source) -> None:
    source.execute(SHOP)
    source.execute("INSERT INTO public.product VALUES (4)")
    assert told(source, "public.product: id = 4", "public.customer: id = 1") == [
        "public.product id = 4 is not part of the closed set: no reference leads to it"
    ]


def test_a_question_that_no_row_answers_says_so(source: Source) -> None:
    source.execute(SHOP)
    assert told(source, "public.product: id = 5", "public.customer: id = 1") == [
        "no row of public.product satisfies id = 5"
    ]
