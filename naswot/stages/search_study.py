"""Study searches under a limit of latency: what a score finds on a device, and what size finds."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from naswot.analysis.search_study import (
    OPTIMAL,
    RANDOM,
    SIZE,
    describe,
    to_markdown,
    to_table,
)
from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.hardware import DEVICES, SPACE, latency_column
from naswot.benchmarks.table import reported_accuracy
from naswot.errors import NaswotError
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet
from naswot.search.sampling import SAMPLINGS, draw
from naswot.search.simulation import compare_within
from naswot.stages.sample_search import members_and_rule, read_pool

log = logging.getLogger("naswot")

QUANTILES = tuple(range(10, 101, 10))  # percent of the space's latencies that a limit includes
NOBODY = np.empty(0, dtype=np.int64)  # the choices where nothing satisfies a limit


@dataclass(frozen=True)
class Guide:
    """Scores of the n architectures of a pool, by which a search chooses.

    Attributes:
        scores: (n,) higher is better.
        members, rule: of an aggregate, as in `naswot.search.simulation.Table`.
        seconds: (n,) measured seconds of scoring; NaN where a score costs none.
    """

    scores: np.ndarray
    members: np.ndarray | None
    rule: Callable | None
    seconds: np.ndarray


def study_searches(
    joined: Sequence[tuple[str, str | Path, str | Path]],
    costs: str | Path,
    output: str | Path,
    markdown: str | Path,
    *,
    sample_sizes: Sequence[int],
    runs: int,
    seed: int,
) -> None:
    """Write search_study.csv, with the columns of `naswot.analysis.search_study`, and a summary.

    Args:
        joined: data sets, each with a joined table of one score and its file of seconds.
        costs: Parquet file of `naswot.benchmarks.hardware.convert_hardware`.
        output, markdown: the files to write.
        sample_sizes: N, of each score.
        runs: number of runs at each limit.
        seed: run r uses the generator seeded with `seed` + r.

    Raises:
        NaswotError: there is nothing to study.
    """
    groups: dict[str, list[tuple[str | Path, str | Path]]] = {}
    for name, path, seconds in joined:
        groups.setdefault(name, []).append((path, seconds))
    measured = read_parquet(costs).set_index("index")
    rows: list[dict[str, Any]] = []
    for name, files in groups.items():
        dataset = DATASETS[SPACE][name]
        accuracy = reported_accuracy(files[0][0], dataset, "test")
        if accuracy is None:
            continue
        guides = read_guides(files)
        known = {"space": SPACE, "dataset": name, "accuracy": accuracy.name}
        for device in DEVICES:
            latency = measured[latency_column(dataset, device)]
            log.info("Searching under limits on %s: %s", DEVICES[device], dataset.title)
            found = study(
                guides,
                accuracy.to_numpy(),
                latency.loc[accuracy.index].to_numpy(),
                limits_of(latency.to_numpy()),
                sample_sizes,
                seed + np.arange(runs),
            )
            rows += [known | {"device": device} | row for row in found]
    if not rows:
        raise NaswotError(
            f"There is nothing to study: name {SPACE} in `spaces`, with data, and any of "
            f"{', '.join(DATASETS[SPACE])} in `datasets`."
        )
    table = to_table(rows)
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False)
    with replacing(markdown) as temporary:
        temporary.write_text(to_markdown(table), encoding="utf-8")


def read_guides(files: Sequence[tuple[str | Path, str | Path]]) -> dict[str, Guide]:
    """Return the scores by name, from joined tables of the same architectures and their seconds.

    If the number of parameters is not among them, it is that of the benchmark, which costs nothing.
    """
    guides, size = {}, None
    for path, seconds in files:
        pool, by = read_pool(path, ["params"], seconds)
        scores, nothing = pool["score"].to_numpy(float), np.full(len(pool), np.nan)
        guide = Guide(scores, *members_and_rule(pool, by), pool["seconds"].to_numpy(float))
        guides[read_metadata(path)["score"]] = guide
        if "params" in pool:
            size = Guide(pool["params"].to_numpy(float), None, None, nothing)
    return guides if size is None or SIZE in guides else guides | {SIZE: size}


def limits_of(latency: np.ndarray) -> dict[int, float]:
    """Return quantile in percent → limit: the latency that this share of (n,) latencies meets.

    NaN, an architecture that cannot run on the device, does not count.
    """
    known = latency[~np.isnan(latency)]
    limits = np.quantile(known, np.array(QUANTILES) / 100, method="inverted_cdf")
    return dict(zip(QUANTILES, limits.tolist(), strict=True))


def study(
    guides: Mapping[str, Guide],
    accuracy: np.ndarray,
    latency: np.ndarray,
    limits: Mapping[int, float],
    sample_sizes: Sequence[int],
    seeds: np.ndarray,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one device: the columns from `quantile` on.

    Args:
        guides: the scores of the n architectures of the pool, by name.
        accuracy: (n,) reported accuracy in percent, NaN where unknown.
        latency: (n,) in ms, NaN where the device does not run the architecture.
        limits: quantile in percent → limit in ms.
        sample_sizes: N, of each score. Where fewer architectures satisfy a limit, all are drawn.
        seeds: (runs,) of the generators.
    """
    for quantile, limit in limits.items():
        allowed = latency <= limit
        place = {"quantile": quantile, "limit_ms": limit, "satisfying": int(allowed.sum())}
        for row in _at_limit(guides, accuracy, latency, allowed, sample_sizes, seeds):
            yield place | row


def _at_limit(
    guides: Mapping[str, Guide],
    accuracy: np.ndarray,
    latency: np.ndarray,
    allowed: np.ndarray,
    sample_sizes: Sequence[int],
    seeds: np.ndarray,
) -> Iterator[dict[str, Any]]:
    """Yield the columns from `chosen_by` on at one limit; `allowed` (n,) satisfy it."""
    count = int(allowed.sum())
    draws = draw(len(latency), min(count, max(sample_sizes)), seeds, allowed)
    for size in sample_sizes:
        sample = draws[:, :size]
        picks = {name: pick(guide, sample) for name, guide in guides.items()} if count else {}
        for name, guide in guides.items():
            row = {"chosen_by": name, "sample_size": size, "drawn": sample.shape[1]}
            chosen = picks.get(name, NOBODY)
            reference = None if name == SIZE or SIZE not in picks else accuracy[picks[SIZE]]
            yield (
                row
                | describe(accuracy[chosen], reference)
                | _latencies(latency[chosen])
                | {
                    "search_seconds": guide.seconds[sample].sum(axis=1).mean() if count else np.nan,
                    "minus_inf": int(np.isneginf(guide.scores[allowed]).sum()),
                    "nan": int(np.isnan(guide.scores[allowed]).sum()),
                    "note": _note(count, size),
                }
            )
    known = np.flatnonzero(allowed & ~np.isnan(accuracy))
    best = known[[accuracy[known].argmax()]] if len(known) else NOBODY
    for name, size, chosen in (
        (RANDOM, min(count, 1), draws[:, 0] if count else NOBODY),
        (OPTIMAL, count, best),
    ):
        row = {"chosen_by": name, "sample_size": size, "drawn": size, "note": _note(count)}
        yield row | describe(accuracy[chosen]) | _latencies(latency[chosen])


def pick(guide: Guide, draws: np.ndarray) -> np.ndarray:
    """Return the best of each row of draws (runs, N) by a score: positions in the pool (runs,)."""
    compared = compare_within(draws, guide.scores, guide.members, guide.rule)
    columns = SAMPLINGS["naswot"].choose(compared, compared)
    return draws[np.arange(len(draws)), columns]


def _latencies(chosen: np.ndarray) -> dict[str, float]:
    """Return the mean and the largest latency of the choices, in ms."""
    if not len(chosen):
        return {}
    return {"latency_ms": chosen.mean(), "latency_ms_max": chosen.max()}


def _note(count: int, size: int = 0) -> str:
    """Return what to know of `count` architectures that satisfy a limit, and N."""
    if not count:
        return "no scored architecture satisfies the limit"
    return f"all {count:,} that satisfy the limit, in every run" if count <= size else ""
