"""Defines the catalog: the tables of one database, as `pg_catalog` describes them.

Nothing here reads a database: `replant.database.read_catalog` fills these values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import Enum

from attrs import field, frozen

from replant.model.checked import checked
from replant.model.comparison import Comparison
from replant.model.names import RelationName
from replant.model.policies import Policy, listed_policies
from replant.model.table_triggers import Trigger
from replant.model.types import DefinedType, RangeType


class Identity(Enum):
    """`pg_attribute.attidentity`."""

    NONE = ""
    ALWAYS = "a"
    BY_DEFAULT = "d"


class RelationKind(Enum):
    """`pg_class.relkind` of what can hold or show rows."""

    TABLE = "r"
    PARTITIONED_TABLE = "p"
    VIEW = "v"
    MATERIALIZED_VIEW = "m"
    FOREIGN_TABLE = "f"

    @property
    def holds_rows(self) -> bool:
        """Whether rows can be inserted into it, and are its own or its partitions'."""
        return self in (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE)


@frozen(field_transformer=checked)
class ColumnSequence:
    """The sequence of a column: it owns it, or its default is the next value of it.

    A column owns that of an identity column, of `serial`, and of OWNED BY.
    """

    name: RelationName
    increment: int = 1


@frozen(field_transformer=checked)
class Column:
    """One column of a table that is not dropped.

    Attributes:
        type: the type as `format_type` writes it under an empty search path, so it is qualified
            unless it is PostgreSQL's own: `character varying(20)`, `public.citext[]`.
        not_null: whether it takes no NULL, by itself or by its domain.
        default: the default expression as `pg_get_expr` writes it, or that of the domain, or None.
        generated: whether the column is computed (stored or virtual) and so is never written.
        collatable: whether the type has a collation, so an order needs one named.
        deterministic: whether values are equal only where they are the same to the byte, as far as
            the collation goes; a nondeterministic one may take 'Ada' and 'ADA' for equal.
        equality: the schema of the type's `=` operator, where that is not `pg_catalog` (as for
            a type of an extension); None also for a type that has none.
        base_type: the type below all domains, for example `bigint`; equal to `type` but for the
            modifier where there is no domain.
        made_of: the names of the enums, domains and composite types in the type, itself included.
        sequence: the sequence that its default takes values from, or that it owns.
        may_select: whether the connected role may read it.
        names_objects: whether a value names an object of the database, as one of `regclass` does,
            so that its text depends on the search path.

    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    identity: Identity = Identity.NONE
    generated: bool = False
    collatable: bool = False
    deterministic: bool = True
    equality: str | None = None
    base_type: str = ""
    made_of: tuple[str, ...] = ()
    sequence: ColumnSequence | None = None
    may_select: bool = True
    names_objects: bool = False

    @property
    def writable(self) -> bool:
        """Whether an INSERT may name the column."""
        return not self.generated

    @property
    def has_default(self) -> bool:
        """Whether a row that is not given a value gets one other than NULL."""
        return self.default is not None or self.identity is not Identity.NONE


@frozen(field_transformer=checked)
class UniqueIndex:
    """An index of a unique, primary key or exclusion constraint, or a unique index without one.

    Attributes:
        name: its name, which is that of its constraint where it has one.
        columns: the columns that it reads, also in expressions and in its predicate.
        terms: what it compares: an expression over the columns, and the operator by which two of
            its values are alike, both as SQL with full names.
        predicate: the condition of a partial index.
        immediate: whether it is checked at once; false for a DEFERRABLE constraint.
        excludes: whether it excludes by operators, as WITHOUT OVERLAPS and EXCLUDE do.
        nulls_alike: whether two NULLs are alike (NULLS NOT DISTINCT).

    """

    name: str
    columns: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]
    predicate: str | None = None
    immediate: bool = True
    excludes: bool = False
    nulls_alike: bool = False

    def finds_rows_by(self, key: Collection[str]) -> bool:
        """Return whether ON CONFLICT with these columns finds rows by it."""
        plain = self.predicate is None and self.immediate and not self.excludes
        return plain and len(self.terms) == len(self.columns) and {*self.columns} == {*key}


@frozen(field_transformer=checked)
class ForeignKey:
    """A foreign key constraint: `columns` of `table` hold `referenced_columns` of `references`.

    The key of a partition is one of the table that the partition belongs to, as its rows are.

    Attributes:
        comparisons: how each pair of columns compares, where an equality that the columns' types
            share does not tell; else empty.
        period: whether the last columns are periods: then the referenced rows together cover that
            of the referencing row.
        partition: the partition that has the key; None where the table itself has it.
        referenced_partition: the partition that has what is referenced; None for the table itself.

    """

    name: str
    table: RelationName
    columns: tuple[str, ...]
    references: RelationName
    referenced_columns: tuple[str, ...]
    deferrable: bool = False
    enforced: bool = True
    validated: bool = True
    comparisons: tuple[Comparison, ...] = ()
    period: bool = False
    partition: RelationName | None = None
    referenced_partition: RelationName | None = None

    @property
    def is_plain(self) -> bool:
        """Whether a row references those that hold equal values, in the whole of both tables."""
        return not (self.comparisons or self.partition or self.referenced_partition)

    @property
    def relation(self) -> RelationName:
        """What has the constraint: the table, or a partition of it."""
        return self.partition or self.table

    @property
    def referenced_relation(self) -> RelationName:
        """What the constraint references: a table, or a partition of it."""
        return self.referenced_partition or self.references

    @property
    def constraint(self) -> tuple[str, str]:
        """Schema and name, as SET CONSTRAINTS takes them."""
        return self.relation.schema, self.name

    @property
    def references_itself(self) -> bool:
        """Whether the key points into its own table."""
        return self.table == self.references

    def __str__(self) -> str:
        """Write the key as a sentence uses it: `s.t(a, b) → s.u(c, d)`."""
        own, other = ", ".join(self.columns), ", ".join(self.referenced_columns)
        return f"{self.relation}({own}) → {self.referenced_relation}({other})"


def _by_name(keys: Iterable[ForeignKey]) -> tuple[ForeignKey, ...]:
    return tuple(sorted(keys, key=lambda key: key.name))


@frozen(field_transformer=checked)
class Table:
    """A relation with its columns in `attnum` order and its keys in name order.

    Foreign keys are brought into that order here, so that no plan depends on how they were read.

    Attributes:
        primary_key: the columns of the primary key, in the key's order; empty if there is none.
        unique_keys: the columns of each other unique constraint or plain unique index.
        unique_indexes: every index that lets no two rows be alike, those on expressions and of
            exclusion constraints among them.
        checks: its CHECK constraints as `pg_get_constraintdef` writes them, by name.
        estimated_rows: `pg_class.reltuples`, or 0 where it was never analysed.
        is_partition: whether it is a partition, whose rows its root shows as well.
        triggers: the triggers and rules that a load may fire, those of its partitions among them
            and those of constraints excepted.
        rows_are_hidden: whether row-level security applies to the connected role.
        policies: where it does, those that are for the role, by name.
        may_use_schema: whether the connected role has USAGE on the schema.
        may_select: whether the connected role may read every column.
        extension: the extension that made it, and fills it in every database; None if none did.
        recoded: whether the encoding of the database orders texts otherwise than UTF-8 does.

    """

    name: RelationName
    columns: tuple[Column, ...]
    kind: RelationKind = RelationKind.TABLE
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = field(default=(), converter=_by_name)
    unique_indexes: tuple[UniqueIndex, ...] = ()
    checks: tuple[str, ...] = ()
    estimated_rows: int = 0
    is_partition: bool = False
    triggers: tuple[Trigger, ...] = ()
    rows_are_hidden: bool = False
    policies: tuple[Policy, ...] = ()
    may_use_schema: bool = True
    may_select: bool = True
    extension: str | None = None
    recoded: bool = False

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def named_with_policies(self) -> str:
        """Its name, with the policies that say which of its rows the role sees."""
        seen_by = (policy for policy in self.policies if "SELECT" in policy.commands)
        return f"{self.name}{listed_policies(seen_by)}"

    @property
    def equality(self) -> dict[str, str]:
        """The schema of each column's `=` operator, where that is not `pg_catalog`."""
        return {c.name: c.equality for c in self.columns if c.equality is not None}

    @property
    def keys_to_follow(self) -> tuple[ForeignKey, ...]:
        """The foreign keys, if one of them needs more than equality to be followed; else none."""
        return self.foreign_keys if any(not k.is_plain for k in self.foreign_keys) else ()

    @property
    def identifying_columns(self) -> tuple[str, ...]:
        """The columns that tell one row from another, or none.

        They are the primary key, or else the first unique key whose columns are all NOT NULL.
        """
        if self.primary_key:
            return self.primary_key
        required = {column.name for column in self.columns if column.not_null}
        return next((key for key in self.unique_keys if required.issuperset(key)), ())


def _in_order(tables: Mapping[RelationName, Table]) -> dict[RelationName, Table]:
    return {name: tables[name] for name in sorted(tables)}


@frozen(field_transformer=checked)
class Catalog:
    """The tables of one database, seen in one snapshot by one role.

    Tables are brought into the order of their names here, so that no plan depends on another.

    Attributes:
        database: `current_database()`.
        role: `current_user`.
        version: `server_version_num`, for example 180006.
        tables: every relation outside PostgreSQL's own schemas, by name.
        schemas: every schema outside PostgreSQL's own, also the empty ones.
        types: the enums, domains and composite types that columns are made of, by name.
        ranges: the range types that are not PostgreSQL's own, by name.

    """

    database: str
    role: str
    version: int
    tables: Mapping[RelationName, Table] = field(factory=dict, converter=_in_order)
    schemas: frozenset[str] = frozenset()
    types: Mapping[str, DefinedType] = field(factory=dict)
    ranges: Mapping[str, RangeType] = field(factory=dict)

    @property
    def version_text(self) -> str:
        """The version as PostgreSQL writes it since 10: `18.6`."""
        return f"{self.version // 10000}.{self.version % 10000}"
