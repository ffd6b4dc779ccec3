"""Defines the configuration as one frozen tree; `replant.config` makes it from TOML and options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen, validators

from replant.model.checked import checked
from replant.model.names import RelationName
from replant.model.samples import Sample
from replant.model.table_triggers import TriggerMode


class Dangling(Enum):
    """What to do with a row that references a row which is not exported."""

    FAIL = "fail"
    LEAVE_OUT = "leave-out"
    EXPORT = "export"
    #: Set the reference to NULL.
    SET_NULL = "set-null"


class OnConflict(Enum):
    """What a replay does with a row that is there already, by a unique key."""

    #: Refuse it.
    ERROR = "error"
    #: Leave it as it is, whatever it holds.
    SKIP = "skip"
    #: Leave it as it is if it is equal, and refuse it if it is not.
    SAME = "same"
    #: Set it to what was exported.
    UPDATE = "update"

    @property
    def needs_key(self) -> bool:
        """Whether rows are found by their key in the target."""
        return self in {OnConflict.SAME, OnConflict.UPDATE}


class Layout(Enum):
    """What lies on disk: one SQL file, or a directory of data files with a manifest."""

    FILE = "file"
    DIRECTORY = "directory"


class Compression(Enum):
    """How the data files of a directory are compressed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


class RowOrder(Enum):
    """In which order the rows of a table are written."""

    KEY = "key"
    NONE = "none"


class Check(Enum):
    """What a replay compares with the exported rows before it commits."""

    CONTENT = "content"
    COUNT = "count"
    NONE = "none"


class SharedRowsCheck(Enum):
    """What a synchronization does with shared rows that the target has with other values."""

    #: It leaves them as they are.
    KEEP = "keep"
    #: It refuses to change anything unless they are the same.
    SAME = "same"


class RowSecurity(Enum):
    """What to do when row-level security may hide rows of the source from the role."""

    FAIL = "fail"
    AS_ROLE = "as-role"


class Undeclared(Enum):
    """What to do with what the source has beyond what was declared or recorded of it."""

    EXPORT = "export"
    FAIL = "fail"


#: Rows as statements that any client can run; what a file holds unless it is asked for another.
INSERT = "insert"
#: Rows as PostgreSQL's COPY writes them in its text format; what a directory holds.
COPY = "copy"
#: The formats that replant renders itself, and the only ones that it replays.
OWN_FORMATS = (INSERT, COPY)


@frozen(field_transformer=checked)
class TableSettings:
    """Changes to one registered table.

    Attributes:
        name: the table, as `schema.table`.
        where: an SQL predicate over the table's columns that its rows must satisfy as well.
        omit: the columns left to their default, in place of the plugin's own list.
        dangling: overrides the setting of the export for this table.
        on_conflict: likewise; and that of a replay, where it takes another than the artifact's.
        max_rows: how many of its rows may be exported; None for any number.
        mask: the kind of mask by column, for the plugin `mask`.
        shared: what a synchronization does with shared rows that differ; None to keep them.
        sample: which of the rows are taken that are chosen themselves, or reference others; rows
            that others reference are included all the same. None for all.
        match: the columns by which shared rows are met that a target has under another key; empty
            where rows are met by their key alone.
        match_owned: whether owned rows are met by them, too.

    """

    name: RelationName
    where: str | None = None
    omit: tuple[str, ...] | None = None
    dangling: Dangling | None = None
    on_conflict: OnConflict | None = None
    max_rows: int | None = None
    mask: Mapping[str, str] = field(factory=dict)
    shared: SharedRowsCheck | None = None
    sample: Sample | None = None
    match: tuple[str, ...] = ()
    match_owned: bool = False


@frozen(field_transformer=checked)
class ExportSettings:
    """How an export is made and where it goes.

    Attributes:
        output: a path, or `-` for standard output; None when it was not said.
        strategy: the name of the strategy that orders the load.
        layout: one file, or a directory.
        format: `insert`, `copy`, or the name of a format that a plugin renders; None for what
            the layout holds by default.
        compress: how the data files of a directory are compressed.
        order: in which order rows are written. Only in that of their key do the same rows always
            give the same bytes; in none, the source need not sort them.
        check: what the artifact compares with the exported rows when it is replayed.
        on_conflict: what a replay does with rows that are there already; None when it was not
            said, which is an error for an artifact and the artifact's own way for a replay.
        dangling: what to do with rows that reference rows outside the export.
        row_security: what to do when policies may hide rows.
        undeclared: what to do with columns that are new: export them all the same, or refuse.
        allow_empty: whether an export without a row is wanted.
        max_rows: how many rows may be exported in all; None for any number.
        must_transform: patterns of columns, such as `*.email`; an export in which one of them
            keeps its values is refused.
        seed: the key of the hash by which samples are taken; another gives other samples.

    """

    output: str | None = None
    strategy: str = "ordered"
    layout: Layout = Layout.FILE
    format: str | None = None
    compress: Compression = Compression.NONE
    order: RowOrder = RowOrder.KEY
    check: Check = Check.CONTENT
    on_conflict: OnConflict | None = None
    dangling: Dangling = Dangling.FAIL
    row_security: RowSecurity = RowSecurity.FAIL
    undeclared: Undeclared = Undeclared.EXPORT
    allow_empty: bool = False
    max_rows: int | None = None
    must_transform: tuple[str, ...] = ()
    seed: str = "1"

    @property
    def format_name(self) -> str:
        """The format, which the layout decides when it was not said."""
        if self.format is not None:
            return self.format
        return INSERT if self.layout is Layout.FILE else COPY


@frozen(field_transformer=checked)
class PluginSettings:
    """Which plugins are asked, in which order, and what each is told.

    Attributes:
        enable: names in the order of their value transforms, and paths of files of Python; None
            for those of replant itself.
        settings: the sub-table of each plugin, by name.
        files: paths of files of Python, each a plugin, that the person who runs replant named.
            They are enabled; one that only the configuration names is refused.

    """

    enable: tuple[str, ...] | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    files: tuple[str, ...] = ()


def _is_cluster(_: object, __: object, executor: str | None) -> None:
    if executor is not None and re.fullmatch(r"dask://[^/]+:\d+", executor) is None:
        raise ValueError(f"executor is {executor!r}, and should be dask://HOST:PORT of a scheduler")


@frozen(field_transformer=checked)
class RunSettings:
    """How a command runs; what it does is the same.

    Attributes:
        jobs: how many processes read rows at the same time.
        executor: a cluster that reads rows in their place: `dask://HOST:PORT` is the scheduler.

    """

    jobs: int = field(default=1, validator=validators.ge(1))
    executor: str | None = field(default=None, validator=_is_cluster)


@frozen(field_transformer=checked)
class Settings:
    """Everything a command may need to know.

    Attributes:
        source: connection string of the source; None leaves it to libpq's own variables.
        target: connection string of the target; None likewise.
        source_settings: parameters of the sessions in the source, by name.
        target_settings: those of the sessions in the target.
        map_schema: the name that the target has for a schema of the artifact, where it is another.
        triggers: what a replay does with the target's triggers.
        scope: the named values that say whose rows are exported.
        tenant_values: the scope values that came from a query for tenants: one of them at least
            must choose rows, the others may only name the output.
        run: how a command runs.
        recorded: the file with the recorded shape of tables, which need not be there.
        file: the file that was read; None if none was.
        options: the paths of what the command line says in place of the file.

    """

    source: str | None = None
    target: str | None = None
    source_settings: Mapping[str, str] = field(factory=dict)
    target_settings: Mapping[str, str] = field(factory=dict)
    map_schema: Mapping[str, str] = field(factory=dict)
    triggers: TriggerMode = TriggerMode.FIRE
    scope: Mapping[str, str] = field(factory=dict)
    export: ExportSettings = field(factory=ExportSettings)
    plugins: PluginSettings = field(factory=PluginSettings)
    tables: tuple[TableSettings, ...] = ()
    tenant_values: tuple[str, ...] = ()
    run: RunSettings = field(factory=RunSettings)
    recorded: str = "replant.lock.toml"
    file: str | None = None
    options: tuple[str, ...] = ()

    def path_of(self, table: RelationName) -> str:
        """Return where the configuration speaks of a table: `tables[2]`."""
        names = [change.name for change in self.tables]
        return f"tables[{names.index(table)}]"
