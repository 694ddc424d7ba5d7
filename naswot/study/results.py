"""What a search leaves in its folder: tables, a picture, a page, and the best networks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.costs.latency import Latency
from naswot.costs.limits import pareto_front
from naswot.errors import NaswotError
from naswot.io.atomic import replacing
from naswot.io.parquet import write_parquet
from naswot.plots.search_front import search_front
from naswot.plots.svg import svg
from naswot.plots.writing import save
from naswot.reporting.front_page import front_page
from naswot.runtime.progress import log
from naswot.runtime.provenance import build_metadata
from naswot.spaces.choices import ChoiceSpace
from naswot.study.evaluation import latencies_of
from naswot.study.problem import Problem
from naswot.study.records import Record, fitness_of, table_of

# Networks whose latencies are measured again, side by side: so many of the front, and so many times
# those to take home, because some may break the limit then.
MEASURED_OF_FRONT = 30
MEASURED_OF_BEST = 3


@dataclass(frozen=True)
class Results:
    """The networks of a search, best first.

    Attributes:
        table: as of `table_of`, with the columns `front` and, if latencies were measured again,
            `latency_again` and `latency_p95` (ms), NaN for the others.
        best: the architectures to take home, best first.
        name: the score that defines the ranking.
    """

    table: pd.DataFrame
    best: tuple[str, ...]

    name: str

    def fitness(self, architectures: Sequence[str]) -> list[float]:
        """Return the score that defines the ranking of some networks, higher is better."""
        values = pd.Series(fitness_of(self.table, self.name), self.table["network"])
        return [float(values[arch]) for arch in architectures]

    @property
    def front(self) -> pd.DataFrame:
        """The networks on the front, best score first."""
        return self.table[self.table["front"]]


def ranked(problem: Problem, records: Sequence[Record]) -> pd.DataFrame:
    """Return all networks, best first, with the column `front`.

    Those without a finite score come last and are not on the front.
    """
    table = table_of(records, problem.scores, problem.costs, problem.limits)
    fitness = _finite(table, problem)
    table["front"] = _front(table, fitness, problem)
    order = np.argsort(-np.where(np.isnan(fitness), -np.inf, fitness), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _finite(table: pd.DataFrame, problem: Problem) -> np.ndarray:
    """Return the score that defines the ranking, higher is better; NaN if it is not finite."""
    fitness = fitness_of(table, problem.scores[0])
    return np.where(np.isfinite(fitness), fitness, np.nan)


def _front(table: pd.DataFrame, fitness: np.ndarray, problem: Problem) -> np.ndarray:
    columns = [fitness, *(table[cost].to_numpy(float) for cost in problem.traded)]
    return pareto_front(columns, [True, *[False] * len(problem.traded)])


def finish(problem: Problem, records: Sequence[Record], space: ChoiceSpace, take: int) -> Results:
    """Rank the networks of a search and choose the best `take` within all limits.

    If latencies are measured, those of the best and of the front are measured again, in turns and
    with nothing else running. A network that then breaks the limit is neither chosen nor on the
    front.
    """
    table, name = ranked(problem, records), problem.scores[0]
    within = table[~np.isnan(_finite(table, problem))]
    if "latency" not in problem.costs or within.empty:
        return Results(table, tuple(within["network"][:take]), name)
    best = within["network"][: MEASURED_OF_BEST * take]
    front = within.loc[within["front"], "network"][:MEASURED_OF_FRONT]
    again = _latencies(problem, space, list(dict.fromkeys([*best, *front])))
    for column, attribute in (("latency_again", "median_ms"), ("latency_p95", "p95_ms")):
        values = {arch: getattr(found, attribute) for arch, found in again.items()}
        table[column] = table["network"].map(values).astype("float64")
    limit = problem.limits.highest.get("latency", np.inf)
    slow = table["latency_again"] > limit
    table.loc[slow, "broken"] = "latency (measured again)"
    table["front"] = _front(table, _finite(table, problem), problem)
    kept = [arch for arch in best if arch in again and again[arch].median_ms <= limit]
    if len(kept) < min(take, len(within)):
        log.warning(
            "%d of the best %d networks keep the limit of latency when measured again; raise "
            "--networks, or the limit, for more.",
            *(len(kept), len(best)),
        )
    return Results(table, tuple(kept[:take]), name)


def _latencies(
    problem: Problem, space: ChoiceSpace, architectures: Sequence[str]
) -> dict[str, Latency]:
    """Return the latencies of networks, measured in turns; those that fail are left out."""
    found = {}
    for arch, latency in latencies_of(space, problem, architectures).items():
        if isinstance(latency, NaswotError):
            log.warning("%s: its latency could not be measured again: %s", arch, latency)
        else:
            found[arch] = latency
    return found


def write_tables(
    folder: Path,
    problem: Problem,
    results: Results,
    about: Mapping[str, Any],
    space: ChoiceSpace,
    lines: Sequence[str],
    records: Sequence[Record],
) -> None:
    """Write trials.parquet, front.csv, front.png and index.html, each whole or not at all.

    Args:
        folder: where.
        problem, results, space: of the search.
        about: settings, for the metadata of trials.parquet.
        lines: sentences on the search, for the page.
        records: the networks, for their choices.
    """
    choices = {record.drawn.arch: json.dumps(dict(record.drawn.choices)) for record in records}
    trials = results.table.assign(choices=results.table["network"].map(choices))
    write_parquet(trials, folder / "trials.parquet", build_metadata(**about))
    front = results.front.drop(columns=["front", "broken", "failed"])
    with replacing(folder / "front.csv") as temporary:
        front.to_csv(temporary, index=False, lineterminator="\n")
    score, limits = problem.scores[0], problem.limits.highest
    if np.isfinite(fitness_of(results.table, score)).any():
        picture = search_front(results.table, score, problem.traded, limits)
        save(picture, [folder / "front.png"])
    drawn = {*results.front["network"], *results.best}
    drawings = {arch: drawing(space, arch, choices[arch]) for arch in drawn}
    page = front_page(
        f"{space.title}: a search", lines, results.table, score, problem.traded, limits, drawings
    )
    with replacing(folder / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def drawing(space: ChoiceSpace, arch: str, choices: str) -> str:
    """Return the drawing of an architecture as SVG; its choices as a list where there is none."""
    if space.diagram is not None:
        return svg(space.diagram(arch, space.title), shared=True)
    items = (
        f"<li>{escape(f'{name}: {value}')}</li>" for name, value in json.loads(choices).items()
    )
    return f"<ul>{''.join(items)}</ul>"
