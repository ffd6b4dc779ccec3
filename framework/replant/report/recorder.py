"""Records what a command does: phases, rows and bytes, connections, and what it has to say.

A command tells a `Recorder` as it goes on; a `RunReport` comes out at the end, and events come out
in the meantime.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import ParamSpec

import attrs
from attrs import define, evolve

from replant import __version__
from replant.database.connection_facts import ConnectionFacts
from replant.model import Progress, RelationName
from replant.report.event_log import EventLog, now
from replant.report.join_facts import joined
from replant.report.run_report import Outcome, ReportedTable, RunFacts, RunPhase, RunReport

Asked = ParamSpec("Asked")

#: Seconds between two events that say how far a phase is.
_EVERY = 5.0


@define
class _Passed:
    """What went by, of a table or in a phase."""

    rows: int = 0
    size: int = 0
    seconds: float = 0.0

    def add(self, rows: int, size: int, seconds: float) -> None:
        self.rows += rows
        self.size += size
        self.seconds += seconds

    @property
    def measured(self) -> dict[str, float]:
        return {"rows": self.rows, "bytes": self.size, "seconds": round(self.seconds, 3)}


class Recorder:
    """What one command does.

    The time between two batches of rows counts for the table of the second: the first waited for
    nothing of it.
    """

    def __init__(
        self,
        command: str,
        log: EventLog | None = None,
        clock: Callable[[], float] = perf_counter,
        *,
        wanted: bool = True,
    ) -> None:
        """Begin now.

        Args:
            command: its name.
            log: where events go.
            clock: tells the seconds.
            wanted: whether what the steps have to say is kept, for a report or as events.

        """
        self._wanted = wanted
        self._command = command
        self._log = log
        self._clock = clock
        self._started, self._begin = now(), clock()
        self._connections: dict[ConnectionFacts, None] = {}
        self._facts = RunFacts()
        self._phases: list[RunPhase] = []
        self._phase: str | None = None
        self._whole, self._tables = _Passed(), dict[str, _Passed]()
        self._all_tables: defaultdict[str, _Passed] = defaultdict(_Passed)
        self._phase_begin = self._last = self._told = self._begin
        self.tell("start", command=command, replant=__version__)

    @property
    def has_log(self) -> bool:
        """Whether events are wanted."""
        return self._log is not None

    @property
    def has_rows(self) -> bool:
        """Whether any row has passed."""
        return bool(self._all_tables)

    def phase(self, name: str) -> None:
        """End the phase that is open, and begin another."""
        self._end_phase()
        self._phase = name
        self._whole, self._tables = _Passed(), {}
        self._phase_begin = self._last = self._told = self._clock()

    def through(self, progress: Progress) -> Progress:
        """Record the rows that `progress` is told of, and tell it."""

        def passed(table: RelationName, rows: int, size: int) -> None:
            self._passed(str(table), rows, size)
            progress(table, rows, size)

        return passed

    def connected(self, facts: ConnectionFacts) -> None:
        """Record a connection; a second one to the same place as the same role is no news."""
        if facts not in self._connections:
            self._connections[facts] = None
            self.tell("connection", **attrs.asdict(facts))

    def add(
        self, find: Callable[Asked, RunFacts], *given: Asked.args, **named: Asked.kwargs
    ) -> None:
        """Record what a step has to say.

        Args:
            find: is called for that if anybody wants to know: for 2000 tables it takes its time.
            given: what it is given.
            named: the same by name.

        """
        if not self._wanted:
            return
        known = {*self._facts.notes}
        self._facts = joined(self._facts, find(*given, **named))
        for note in self._facts.notes:
            if note not in known:
                self.tell("note", severity=note.severity.value, text=note.text)

    def tell(self, event: str, **fields: object) -> None:
        """Write an event, if events are wanted."""
        if self._log is not None:
            self._log.tell(event, **fields)

    def finish(self, outcome: Outcome, exit_code: int, error: str | None = None) -> RunReport:
        """End the command."""
        self._end_phase()
        seconds = round(self._clock() - self._begin, 3)
        told = {} if error is None else {"error": error}
        self.tell("end", outcome=outcome.value, exit_code=exit_code, seconds=seconds, **told)
        return RunReport(
            command=self._command,
            replant=__version__,
            started=self._started,
            seconds=seconds,
            outcome=outcome,
            exit_code=exit_code,
            error=error,
            connections=tuple(self._connections),
            phases=tuple(self._phases),
            facts=evolve(self._facts, tables=tuple(map(self._timed, self._facts.tables))),
        )

    def _timed(self, table: ReportedTable) -> ReportedTable:
        passed = self._all_tables.get(table.name)
        if passed is None:
            return table
        return evolve(table, size=passed.size, seconds=round(passed.seconds, 3))

    def _passed(self, table: str, rows: int, size: int) -> None:
        at = self._clock()
        spent, self._last = at - self._last, at
        self._whole.add(rows, size, spent)
        self._tables.setdefault(table, _Passed()).add(rows, size, spent)
        self._all_tables[table].add(0, 0, spent)
        self._all_tables[table].size = self._tables[table].size
        if at - self._told >= _EVERY:
            self._told = at
            self.tell("progress", phase=self._phase, table=table, **self._whole.measured)

    def _end_phase(self) -> None:
        """End the open phase: its tables are told one by one, then the phase itself."""
        if self._phase is None:
            return
        self._whole.seconds = self._clock() - self._phase_begin
        for name, table in self._tables.items():
            self.tell("table", phase=self._phase, table=name, **table.measured)
        self.tell("phase", phase=self._phase, **self._whole.measured)
        seconds = round(self._whole.seconds, 3)
        self._phases.append(RunPhase(self._phase, seconds, self._whole.rows, self._whole.size))
        self._phase = None
