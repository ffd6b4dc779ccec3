"""A load order that cannot be carried out is refused, whoever made it."""

from __future__ import annotations

from typing import Any

import pytest

from replant.errors import PluginError
from replant.model import (
    AsReplica,
    CheckForeignKeys,
    DeferConstraints,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OrderRequest,
    PatchColumns,
    PluginSettings,
    RelationName,
    Step,
)
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.load_order_checks import check_order
from replant.plugins.manager import Host

A, B = RelationName("s", "a"), RelationName("s", "b")


def order(*steps: Step, **around: Any) -> LoadOrder:
    return LoadOrder(steps, **around)


@pytest.mark.parametrize(
    "good",
    [
        order(LoadTable(A), LoadTable(B)),
        order(LoadTogether((B, A))),
        order(LoadTable(A, patched=("c",)), LoadTable(B), PatchColumns(A, ("c",))),
        order(LoadTogether((A, B)), before=(AsReplica(),), after=(CheckForeignKeys(),)),
        order(LoadTogether((A, B)), before=(DeferConstraints((("s", "key"),)),)),
    ],
)
def test_an_order_that_can_be_carried_out(good: LoadOrder) -> None:
    check_order(good, [A, B], [A])


BAD = [
    (order(LoadTable(A)), "exactly once, and does not so for s.b"),
    (order(LoadTogether((A, B)), LoadTable(A)), "exactly once, and does not so for s.a"),
    (order(LoadTogether((A, B)), LoadTable(RelationName("s", "c"))), "does not so for s.c"),
    (order(LoadTable(A, patched=("c",)), LoadTable(B)), "leaves columns of s.a NULL"),
    (order(LoadTable(A), LoadTable(B), PatchColumns(A, ("c",))), "other columns of s.a"),
    (
        order(LoadTable(A, patched=("c",)), LoadTable(B), PatchColumns(A, ("d",))),
        "other columns of s.a",
    ),
    (
        order(PatchColumns(A, ("c",)), LoadTable(A, patched=("c",)), LoadTable(B)),
        "other columns of s.a",
    ),
    (
        order(LoadTable(A, patched=("c", "c")), LoadTable(B), PatchColumns(A, ("c", "c"))),
        "other columns of s.a",
    ),
    (
        order(LoadTable(A), LoadTable(B, patched=("c",)), PatchColumns(B, ("c",))),
        "no key tells rows apart",
    ),
    (order(LoadTogether((A, B)), before=(AsReplica(),)), "does not check them"),
    (order(LoadTogether((A, B)), after=(CheckForeignKeys(), AsReplica())), "does not check them"),
    (order(LoadTogether((A, B)), before=(DeferConstraints(()),)), "none is named"),
]


@pytest.mark.parametrize(("bad", "words"), BAD, ids=[words for _, words in BAD])
def test_an_order_that_cannot(bad: LoadOrder, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_order(bad, [A, B], [A])


def test_a_plugin_whose_order_cannot_be_carried_out_is_named() -> None:
    class Careless:
        STRATEGIES = ("any",)

        @hookimpl
        def order_tables(self, request: OrderRequest) -> LoadOrder:
            return order(LoadTable(A))

    host = Host([LoadedPlugin(Candidate("careless", "replant-careless", "1.0", "x"), Careless())])

    with pytest.raises(PluginError, match=r"careless.* does not so for s\.b; choose another str"):
        host.order_tables(OrderRequest("any", (A, B)), PluginSettings())
