"""Defines load orders: the steps in which tables are loaded, and the statements around them.

A load order is data: steps name tables, and the few statements around them are values from a
closed list. Nothing in it is SQL text, so an artifact that carries it carries no code.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from attrs import evolve, field, frozen

from replant.errors import unexpected
from replant.model.catalog import ForeignKey
from replant.model.checked import checked, named
from replant.model.names import RelationName


@frozen(field_transformer=checked)
class LoadTable:
    """Load one table.

    Attributes:
        together: whether all its rows must stand in one statement, since rows reference each
            other.
        by_depth: the foreign key into its own table by whose depth the rows are sorted and split
            into statements, so that a row comes after the row it references.
        patched: columns that are loaded as NULL, to be set by a later `PatchColumns`.

    """

    table: RelationName
    together: bool = False
    by_depth: ForeignKey | None = None
    patched: tuple[str, ...] = ()


@frozen(field_transformer=checked)
class LoadTogether:
    """Load several tables in one statement, which checks their foreign keys at its end.

    Attributes:
        staged: whether a replay sends the rows to temporary tables first, from which the statement
            takes them: the server then parses no long list of rows, and the client holds none. A
            SQL file has the rows in the statement all the same.

    """

    tables: tuple[RelationName, ...] = field(validator=named)
    staged: bool = False


@frozen(field_transformer=checked)
class PatchColumns:
    """Set columns that a `LoadTable` left NULL, row by row by key."""

    table: RelationName
    columns: tuple[str, ...] = field(validator=named)


Step = LoadTable | LoadTogether | PatchColumns


def step_of(step: Step, names: Container[RelationName]) -> Step | None:
    """Return the step with those of its tables that are among the names; None if none is."""
    kept = tuple(name for name in step_tables(step) if name in names)
    if not kept:
        return None
    return evolve(step, tables=kept) if isinstance(step, LoadTogether) else step


def step_tables(step: Step) -> tuple[RelationName, ...]:
    """Return the tables whose rows a step loads or changes."""
    return step.tables if isinstance(step, LoadTogether) else (step.table,)


@frozen(field_transformer=checked)
class DeferConstraints:
    """Check these deferrable foreign keys at COMMIT: (schema, constraint) pairs."""

    constraints: tuple[tuple[str, str], ...]


@frozen(field_transformer=checked)
class AsReplica:
    """Set `session_replication_role` to `replica` until the transaction ends.

    Foreign keys and ordinary triggers do not fire then, so `CheckForeignKeys` must come after.
    """


@frozen(field_transformer=checked)
class CheckForeignKeys:
    """Check every foreign key of the loaded tables for the rows of this transaction."""


Statement = DeferConstraints | AsReplica | CheckForeignKeys


@frozen(field_transformer=checked)
class Cycle:
    """Tables that reference each other, and why they are loaded the way they are."""

    tables: tuple[RelationName, ...]
    way: str


@frozen(field_transformer=checked)
class OrderRequest:
    """What a strategy may know.

    Attributes:
        strategy: the name that was asked for.
        tables: the tables to load, sorted by name.
        foreign_keys: the enforced foreign keys between these tables, sorted.
        row_counts: how many rows of each table will be loaded; a table of which that is not known
            is missing, and taken for a small one.
        nullable: (table, column) pairs that may hold NULL for a while.
        keyed: the tables that have columns which identify a row.
        declared: pairs of tables, sorted: rows of the first reference rows of the second, and no
            constraint checks it. The second comes first wherever no foreign key forbids it.
        may_update: the tables on which the target's role may UPDATE and SELECT; None, here and
            below, when no target is known yet.
        may_copy: the tables that COPY can load in one statement, of any number of rows.
        may_stage: the tables whose rows the role can send to a temporary table first.
        may_be_replica: whether the role may set `session_replication_role`, and read all that
            `CheckForeignKeys` reads.

    """

    strategy: str
    tables: tuple[RelationName, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    row_counts: Mapping[RelationName, int] = field(factory=dict)
    nullable: frozenset[tuple[RelationName, str]] = frozenset()
    keyed: frozenset[RelationName] = frozenset()
    declared: tuple[tuple[RelationName, RelationName], ...] = ()
    may_update: frozenset[RelationName] | None = None
    may_copy: frozenset[RelationName] | None = None
    may_stage: frozenset[RelationName] | None = None
    may_be_replica: bool | None = None


@frozen(field_transformer=checked)
class LoadOrder:
    """A strategy's answer.

    Attributes:
        steps: what is loaded, in order; every table of the request exactly once.
        before: what is said before the first row.
        after: what is said after the last row.
        cycles: for each cycle the method by which it is loaded.
        needs: what the target's role needs beyond INSERT, in words.

    """

    steps: tuple[Step, ...]
    before: tuple[Statement, ...] = ()
    after: tuple[Statement, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def loaded_tables(self) -> tuple[RelationName, ...]:
        """The tables in the order in which they are loaded."""
        names: list[RelationName] = []
        for step in self.steps:
            match step:
                case LoadTable(name):
                    names.append(name)
                case LoadTogether(several):
                    names += several
                case PatchColumns():
                    pass
                case _:
                    unexpected(step)
        return tuple(names)
