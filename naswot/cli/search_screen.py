"""What `naswot search` shows: the space and the limits before, progress during the search."""

import dataclasses
import logging
import time
from collections.abc import Sequence

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from naswot.costs import COSTS
from naswot.costs.limits import Limits
from naswot.runtime.progress import duration, log
from naswot.spaces.choices import ChoiceSpace, draw_random
from naswot.study.candidates import Candidate
from naswot.study.evaluation import Evaluator, counted
from naswot.study.problem import Problem
from naswot.study.records import Record
from naswot.study.results import Results, ranked
from naswot.study.run import Plan
from naswot.study.survey import Survey, survey

DRAWS = 200  # in search of a network of the limits' size
LARGEST_SHARE = 0.05  # of the run time, for finding out what is best so far
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
SECONDS_BETWEEN_LINES = 10.0  # where there is no terminal


class Screen:
    """Shows a search on stderr, on a terminal with a bar, else in lines.

    Args:
        problem, plan: of the search.
        described: a sentence on the images.
    """

    def __init__(self, problem: Problem, plan: Plan, described: str):
        self._problem, self._plan, self.described = problem, plan, described
        self._console = Console(
            stderr=True, highlight=False, soft_wrap=True, quiet=not log.isEnabledFor(logging.INFO)
        )
        self._bar: Progress | None = None
        self._task: object = None
        self._due = 0.0
        self._started = time.monotonic()

    def before(self, space: ChoiceSpace, records: Sequence[Record]) -> None:
        """Show what is searched, what networks cost and how long the search will take.

        Raises:
            NaswotError: no network within the limits can be found, or all fail.
        """
        problem, plan = self._problem, self._plan
        lines = [
            *space.about,
            self.described,
            f"{', '.join(problem.scores)}; {problem.precision}, {problem.device}, {plan.jobs} "
            f"process{'es' if plan.jobs > 1 else ''}; method {plan.method}",
        ]
        if any(record.scored for record in records):  # it was looked at when the search began
            self._show(space.title, lines)
            self._show(self._outlook(records))
            return
        found = survey(space, problem)
        self._show(f"{space.title}: {_count(found.size)} networks", lines)
        self._console.print(_costs_table(found, problem))
        if problem.limits:
            self._show(f"  {_kept(found, problem)}")
        if found.failed:
            self._show(f"  {len(found.failed):,} failed; the first: {found.failed[0]}")
        self._show(self._outlook([_tried(space, problem)]))

    def _show(self, text: str, lines: Sequence[str] = ()) -> None:
        for line in (text, *(f"  {line}" for line in lines)):
            self._console.print(line, markup=False)

    def _outlook(self, records: Sequence[Record]) -> str:
        """Return how long the search will take, judged by networks that are scored."""
        plan = self._plan
        done = [record for record in records if record.scored and record.draw >= 0]
        known = f"  {len(done):,} networks are scored already." if done else " "
        seconds = [record.seconds for record in records if record.scored]
        each = float(np.median(seconds or [np.nan]))
        if plan.networks is None or np.isnan(each):
            return (
                known if plan.seconds is None else f"{known} It ends in {duration(plan.seconds)}."
            )
        left = max(0, plan.networks - len(done))
        took = duration(max(1.0, each * left / plan.jobs))
        most = f", {duration(plan.seconds)} at most" if plan.seconds is not None else ""
        return f"{known} A network takes about {each:.2g} s, {left:,} of them about {took}{most}."

    def __enter__(self) -> "Screen":
        self._started = time.monotonic()
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[about]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task("search", total=1.0, about="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Wall time since the search began."""
        return time.monotonic() - self._started

    def after(self, results: Results, why: str) -> None:
        """Show what was found."""
        if why == "exhausted":
            self._show("No further network within the limits was found.")
        rows = results.table.set_index("network")
        self._show(f"The best of {int(rows['seconds'].notna().sum()):,} networks:")
        for place, arch in enumerate(results.best, start=1):
            costs = (
                f"{COSTS[cost].title} {COSTS[cost].short(rows.at[arch, cost])}"
                for cost in self._problem.costs
            )
            score = f"{results.name} {rows.at[arch, results.name]:.6g}"
            self._show(f"{place:3}. {arch}", [f"   {', '.join([score, *costs])}"])

    def update(self, records: Sequence[Record], refused: int) -> None:
        """Show the state of the search, unless that would take too much of its time."""
        now = time.monotonic()
        if now < self._due:
            return
        scored = sum(record.scored for record in records)
        failed = sum(record.failed for record in records)
        about = f"{scored:,} network{'s' if scored != 1 else ''}{_best(self._problem, records)}"
        if failed:
            about += f", {failed:,} failed"
        if refused:
            about += f", {refused:,} beyond a limit"
        if self._bar is not None:
            self._bar.update(self._task, completed=self._share(scored), about=about)  # type: ignore[arg-type]
        else:
            log.info("%.0f %%: %s", 100 * self._share(scored), about)
        took = time.monotonic() - now
        least = 0.5 if self._bar is not None else SECONDS_BETWEEN_LINES
        self._due = now + max(least, took / LARGEST_SHARE)

    def _share(self, scored: int) -> float:
        """Return which share of the search is done, by networks or by time."""
        shares = [0.0]
        if self._plan.networks is not None:
            shares.append(scored / self._plan.networks)
        if self._plan.seconds is not None:
            shares.append((time.monotonic() - self._started) / self._plan.seconds)
        return min(1.0, max(shares))


def _best(problem: Problem, records: Sequence[Record]) -> str:
    table = ranked(problem, records)
    front = int(table["front"].sum())
    if not front:
        return ""
    costs = ", ".join(COSTS[cost].short(table.at[0, cost]) for cost in problem.traded)
    return f", best {table.at[0, problem.scores[0]]:.5g} ({costs}), front {front:,}"


def _tried(space: ChoiceSpace, problem: Problem) -> Record:
    """Return the record of a random network, which is scored to see how long one takes."""
    generator = np.random.default_rng([problem.seed, 2])
    drawn = draw_random(space, generator)
    for _ in range(DRAWS):  # if possible one that keeps the limits, and so is of their size
        costs = counted(space, drawn.arch, problem)
        if not problem.limits.only(costs).broken(costs):
            break
        drawn = draw_random(space, generator)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        evaluator = Evaluator(dataclasses.replace(problem, limits=Limits()))  # so it is scored
        evaluator.score(Candidate(drawn, -1, {}))  # torch and numba set up at the first
        return evaluator.score(Candidate(drawn, -1, {}))
    finally:
        torch.set_num_threads(threads)


def _count(size: float) -> str:
    """Return a number of networks: "15,625", or "about 4·10⁹"."""
    if size < 1e6:
        return f"{size:,.0f}"
    digits, exponent = f"{size:.0e}".split("e")
    return f"about {digits}·10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def _costs_table(found: Survey, problem: Problem) -> Table:
    """Return the least, median and largest of each cost, beside its limit."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column(f"  {len(found.costs):,} random networks")
    for heading in ("least", "median", "most", "limit"):
        table.add_column(heading, justify="right")
    columns = {cost: found.costs[cost].to_numpy() for cost in found.costs}
    if found.latencies:
        columns["latency"] = np.array(found.latencies)
    for cost, values in columns.items():
        limit = problem.limits.highest.get(cost)
        number = f" ({len(values)} of them)" if cost == "latency" else ""
        table.add_row(
            f"  {COSTS[cost].title}{number}",
            *(COSTS[cost].short(float(v)) for v in (values.min(), np.median(values), values.max())),
            "–" if limit is None else COSTS[cost].short(limit),
        )
    return table


def _kept(found: Survey, problem: Problem) -> str:
    """Return which share of the random networks keeps the limits."""
    limit = problem.limits.highest.get("latency")
    texts = []
    if any(kind != "latency" for kind in problem.limits.kinds):
        texts.append(f"{100 * found.share:.3g} % of them keep the limits.")
        if not found.share:
            texts = ["None of them keeps the limits, but networks near them do."]
    if limit is not None and found.latencies:
        within = sum(latency <= limit for latency in found.latencies)
        texts.append(f"{within} of {len(found.latencies)} measured keep the limit of latency.")
    return " ".join(texts)
