"""Takes samples: of the rows that tables are chosen by themselves, and of those of a closed set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from replant.config.mistakes import Mistakes
from replant.database import sql
from replant.errors import ConfigurationError
from replant.model import (
    ChosenRows,
    EdgeRule,
    LinkedTo,
    Registration,
    RelationName,
    RowsAt,
    Satisfies,
    Selection,
    Settings,
    Table,
)
from replant.model.references import EdgeName, ReferenceGraph
from replant.model.registration import InClosure
from replant.model.samples import Sample
from replant.sql.row_hash import RowHash, sampled
from replant.sql.where_clauses import predicate_of, relation


def table_samples(settings: Settings) -> dict[RelationName, Sample]:
    """Return the sample of each table that has one, with the seed."""
    return {
        change.name: evolve(change.sample, seed=settings.export.seed)
        for change in settings.tables
        if change.sample is not None
    }


def sampled_rows(
    tables: Mapping[RelationName, Table], rows: Selection, settings: Settings
) -> dict[RelationName, ChosenRows]:
    """Return the chosen rows with those of the samples, where no closed set decides.

    Raises:
        ConfigurationError: a table has no key, or its rows are chosen by those of others and not
            by a share.

    """
    mistakes = Mistakes()
    found = dict(rows)
    for name, sample in table_samples(settings).items():
        if name not in tables:
            continue
        path = f"{settings.path_of(name)}.sample"
        if not tables[name].identifying_columns:
            mistakes.add(_without_key(path, name))
        elif not any(isinstance(c, RowsAt) for c in rows[name].conditions):
            with mistakes.collecting():
                found[name] = _sampled(RowHash.of(tables[name]), sample, rows[name], path)
    mistakes.check()
    return found


def sampled_edges(
    graph: ReferenceGraph, registrations: Sequence[Registration], settings: Settings
) -> dict[EdgeName, EdgeRule]:
    """Return the rules for references of a closed set, each with its sample and the seed.

    A share of a table holds for every reference by which its rows come downward, unless the
    reference has a sample of its own.

    Raises:
        ConfigurationError: a table has no key, or only its references can have a number.

    """
    edges = {
        EdgeName(item.table, name): rule
        for item in registrations
        for name, rule in item.edges.items()
    }
    samples = table_samples(settings)
    problems = list(_misplaced(registrations, samples, settings))
    for reference in graph.references:
        rule = edges.get(reference.edge, EdgeRule())
        sample = rule.sample or samples.get(graph.child(reference))
        if sample is None or (rule.sample is None and sample.share is None):
            continue
        if not graph.tables[graph.child(reference)].identifying_columns:
            problems.append(_without_key(f"the sample of {reference}", reference.table))
        edges[reference.edge] = evolve(rule, sample=evolve(sample, seed=settings.export.seed))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return edges


def _misplaced(
    registrations: Sequence[Registration],
    samples: Mapping[RelationName, Sample],
    settings: Settings,
) -> Iterator[str]:
    """Yield the numbers of tables into which rows come only as others of a closed set need them."""
    for item in registrations:
        sample = samples.get(item.table)
        is_open = isinstance(item.rows, InClosure) and item.rows.root is None
        if sample is not None and sample.count is not None and is_open:
            yield (
                f"{settings.path_of(item.table)}.sample: rows of {item.table} are included with "
                f"others, so a number is meant for each of these; give it to the reference, with "
                f"per, or give a share such as '5%'"
            )


def _sampled(row_hash: RowHash, sample: Sample, chosen: ChosenRows, path: str) -> ChosenRows:
    if sample.share is not None:
        condition = row_hash.in_share(sample)
    elif any(isinstance(c, LinkedTo) for c in chosen.conditions):
        raise ConfigurationError(
            f"{path}: the rows of {row_hash.table} are chosen by those of other tables; give a "
            f"share such as '5%'"
        )
    else:
        rows = relation(row_hash.table)
        source = sql.SQL("ONLY {}").format(rows) if chosen.only else rows
        own = predicate_of({row_hash.table: chosen}, row_hash.table)
        condition = sampled(row_hash, sample, source, own)
    return evolve(chosen, conditions=(*chosen.conditions, Satisfies(condition.as_string())))


def _without_key(path: str, name: RelationName) -> str:
    return (
        f"{path}: {name} has no primary key, by which rows could be sampled; choose them by a "
        f"condition"
    )
