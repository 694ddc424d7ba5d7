"""What a user takes home from a search: the best networks, and a README of the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from naswot.costs import COSTS
from naswot.costs.sources import latency_source
from naswot.errors import NaswotError
from naswot.export import (
    Architecture,
    Exported,
    architecture_derived,
    architecture_of,
    export_architecture,
)
from naswot.io.atomic import replacing
from naswot.runtime.progress import log
from naswot.runtime.provenance import package_version, versions
from naswot.spaces.choices import ChoiceSpace
from naswot.study.problem import Problem
from naswot.study.records import Record
from naswot.study.results import Results

PACKAGES = ("optuna", "onnx", "onnxruntime")


def folder_of(place: int) -> str:
    """Return the name of the folder of the network in a place, from 1."""
    return f"best-{place}"


def export_best(
    folder: Path, problem: Problem, results: Results, space: ChoiceSpace, take: int, command: str
) -> list[Exported | NaswotError]:
    """Export the best `take` networks into best-1, best-2 and so on in `folder`.

    Returns:
        For each network what was written, or why it could not be.
    """
    done: list[Exported | NaswotError] = []
    for place, arch in enumerate(results.best[:take], start=1):
        try:
            done.append(
                export_architecture(
                    _architecture(problem, space, arch),
                    folder / folder_of(place),
                    shape=problem.shape,
                    classes=problem.classes,
                    seed=problem.seed,
                    command=command,
                    overwrite=True,  # an earlier run of this search found another network
                )
            )
        except NaswotError as error:
            log.warning("%s: %s", folder_of(place), error)
            done.append(error)
    return done


def _architecture(problem: Problem, space: ChoiceSpace, arch: str) -> Architecture:
    source = problem.source
    if not source.network:
        return architecture_of(space, arch)
    return architecture_derived(
        source.network,
        arch,
        classes=problem.classes,
        shape=problem.shape,
        arguments=source.arguments,
        space=space,
    )


@dataclass(frozen=True)
class Told:
    """What the README of a run says, beside its numbers.

    Attributes:
        command: the command of the run.
        described: a sentence on the images.
        method: the method of search.
        seconds: wall time of this run.
        agreement: what training the best networks has shown; empty if none was trained.
    """

    command: str
    described: str
    method: str
    seconds: float
    agreement: str = ""


def write_readme(
    folder: Path,
    problem: Problem,
    records: Sequence[Record],
    results: Results,
    space: ChoiceSpace,
    exported: Sequence[Exported | NaswotError],
    told: Told,
) -> None:
    """Write README.md: what was searched, on what, what was found, and what is in the folder."""
    scored = sum(record.scored for record in records)
    failed = [record for record in records if record.failed]
    rows = results.table.set_index("network")
    columns = [*problem.scores[:1], *problem.costs]
    best = []
    for place, arch in enumerate(results.best[: len(exported)], start=1):
        row = rows.loc[arch]
        cells = [f"{row[problem.scores[0]]:.6g}", *(COSTS[c].short(row[c]) for c in problem.costs)]
        best.append(f"| [{folder_of(place)}]({folder_of(place)}) | {' | '.join(cells)} |")
    notes = [
        f"- {folder_of(place)}: {note}"
        for place, one in enumerate(exported, start=1)
        for note in ([str(one)] if isinstance(one, NaswotError) else one.notes)
    ]
    used = {**versions(), **{name: package_version(name) for name in PACKAGES}}
    text = [
        f"# {space.title}: a search",
        "",
        f"    {told.command}",
        "",
        f"- Networks: {scored:,} scored, {len(failed):,} failed, of {space.title} "
        f"by the method {told.method}",
        *(f"- {line}" for line in space.about),
        f"- Images: {told.described}; {problem.classes} classes",
        f"- Scores of the untrained networks: {', '.join(problem.scores)}; {problem.precision} on "
        f"{problem.device}",
        f"- Limits: {problem.limits.text or 'none'}",
        *_latency(problem),
        f"- Seed of draws, weights and images: {problem.seed}",
        f"- Wall time of the last run: {told.seconds:.0f} s",
        f"- Versions: {', '.join(f'{name} {number}' for name, number in used.items())}",
        "",
        "## The best networks",
        "",
        f"| | {' | '.join(columns)} |",
        f"|---|{'---:|' * len(columns)}",
        *best,
        "",
        "A score compares untrained networks and is no accuracy: train a few of the best, and a",
        "smaller one, before you decide (`naswot train`, or `naswot search … --train-top 3`).",
        *(["", told.agreement] if told.agreement else []),
        *(["", "What could not be written:", "", *notes] if notes else []),
        "",
        "## Files",
        "",
        "| file | content |",
        "|---|---|",
        "| `front.csv` | the networks that no other network beats by score and costs |",
        "| `index.html` | the same as a page: point at a network to see it |",
        "| `front.png` | the same as a picture |",
        "| `trials.parquet` | every network: scores, costs, choices, notes |",
        "| `best-1/` … | each of the best: code that builds it, weights, ONNX, `torch.export` |",
        "| `study.journal` | the Optuna study, for `--resume` and Optuna's dashboard |",
        "",
    ]
    with replacing(folder / "README.md") as temporary:
        temporary.write_text("\n".join(text), encoding="utf-8")


def _latency(problem: Problem) -> list[str]:
    """Return the line that says how latencies were measured; none if they were not."""
    if "latency" not in problem.costs:
        return []
    return [f"- Latency: {latency_source(problem.latency, problem.how).text}"]
