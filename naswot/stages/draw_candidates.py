"""Draw networks within limits, score them untrained, and choose those to train."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from naswot.costs.counting import count_built
from naswot.costs.limits import Limits
from naswot.errors import NaswotError
from naswot.io.parquet import write_parquet
from naswot.runtime.device import choose_device, device_name, tune_allocator
from naswot.runtime.progress import Progress, log
from naswot.runtime.provenance import build_metadata
from naswot.scores.aggregates import combine
from naswot.scores.ranking import check_any, lower_is_better, ranking, score_each
from naswot.spaces.choice_spaces import choice_space
from naswot.spaces.choices import ChoiceSpace, draw_random, fitted
from naswot.tables.batch import read_mini_batch

MOST_MISSES = 100_000  # draws in a row without a new network within the limits
NONE = -1  # the number of a network that is not trained


def draw_candidates(
    batch: str | Path,
    output: str | Path,
    *,
    space: str,
    limits: Mapping[str, float],
    score: str,
    members: Sequence[str],
    by: str | None,
    drawn: int,
    random: int,
    best: int,
    seed: int,
    precision: str,
    device: str,
) -> None:
    """Write a Parquet file with one row per network: random search, the paper's Algorithm 1.

    Columns: `draw` (from 0), `network`, `params`, `flops`, one per member, `fitness` (the score, or
    minus the score where lower is better), `seconds` of scoring, `note`; whether the network is one
    of the first `random` draws, of the `best` by score, of the `best` by number of parameters
    (`random`, `best`, `largest`); and `number`, in which order they are trained, −1 for the others.

    Args:
        batch: .npz file of the mini-batch to score on.
        output: the file to write.
        space: name of a space or Python file (`naswot.spaces.choice_spaces`).
        limits: "params" or "flops" → the most that a network may have.
        score: a score or an aggregate; `members`: the scores that it needs; `by`: the rule of an
            aggregate, None for a score.
        drawn: networks to draw, all different and within the limits.
        random, best: how many to choose.
        seed: of the draws and the weights.
        precision, device: as in config/README.md.

    Raises:
        NaswotError: no network is within the limits, or the score applies to none.
    """
    images = read_mini_batch(batch)
    shape, classes = images.images.shape[1:], images.classes
    described = fitted(choice_space(space), shape)
    found = draw_within(described, Limits(limits), shape, classes, drawn, seed)
    target = choose_device(device)
    models = {row["network"]: partial(described.build, row["network"], classes) for row in found}
    rows, progress = [], Progress("scoring", len(models), "networks")
    tune_allocator()
    for row in score_each(
        models,
        torch.from_numpy(images.images).to(target),
        members,
        labels=images.labels,
        classes=classes,
        precision=precision,
        seed=seed,
    ):
        rows.append(row)
        progress.advance()
    check_any(rows, members)
    scored = ranking(rows, members).set_index("network").drop(columns="params")
    table = pd.DataFrame(found).join(scored, on="network")
    table["fitness"] = fitness_of(table, members, by)
    table = choose(table, random, best)
    settings = build_metadata(
        space=space,
        limits=dict(limits),
        score=score,
        seed=seed,
        precision=precision,
        device=device_name(target),
        images=len(images.images),
        image_size=shape[-1],
        classes=classes,
    )
    write_parquet(table, output, settings)
    log.info("Drew and scored %d networks in %.0f s", len(table), table["seconds"].sum())


def draw_within(
    space: ChoiceSpace,
    limits: Limits,
    shape: tuple[int, ...],
    classes: int,
    count: int,
    seed: int,
) -> list[dict]:
    """Return the first `count` different random networks within limits, uniform among all such.

    If there seem to be fewer, return those. Each is a row of `draw`, `network`, `params`, `flops`.
    Networks that cannot be built, so that their costs are unknown, are left out.

    Raises:
        NaswotError: none was found.
    """
    generator = np.random.default_rng(seed)
    rows: list[dict] = []
    seen, misses, failed, started = set(), 0, 0, time.perf_counter()
    least = dict.fromkeys(limits.highest, np.inf)
    while len(rows) < count and misses < MOST_MISSES:
        misses += 1
        arch = draw_random(space, generator).arch
        if arch in seen:
            continue
        try:
            costs = _costs(space, arch, shape, classes)
        except NaswotError as error:
            failed += 1
            log.warning("%s is left out: %s", arch, error)
            continue
        least = {kind: min(known, costs[kind]) for kind, known in least.items()}
        if not limits.broken(costs):
            rows.append({"draw": len(rows), "network": arch, **costs})
            seen.add(arch)
            misses = 0
    if not rows:
        cheapest = ", ".join(f"{kind} {value:,.0f}" for kind, value in least.items())
        raise NaswotError(
            f"search_study_trained: none of {MOST_MISSES:,} random networks of {space.title} keeps "
            f"the limits {limits.text}; {failed:,} cannot be built; the least costs of the others: "
            f"{cheapest}. Raise a limit in search_study_trained.limits, or choose another space."
        )
    if len(rows) < count:
        log.warning("Only %d different networks keep the limits, not %d", len(rows), count)
    log.info("Drew %d networks in %.0f s", len(rows), time.perf_counter() - started)
    return rows


def _costs(space: ChoiceSpace, arch: str, shape: tuple[int, ...], classes: int) -> dict[str, float]:
    if space.count is not None:
        costs = space.count(arch, classes, shape)
        return {kind: float(costs[kind]) for kind in ("params", "flops")}
    counted = count_built(partial(space.build, arch, classes), shape)
    return {"params": counted.params, "flops": counted.flops}


def fitness_of(table: pd.DataFrame, members: Sequence[str], by: str | None) -> np.ndarray:
    """Return the score by which networks are chosen, higher is better; NaN for those without.

    Args:
        table: one row per network, with a column for each of `members`.
        members: the score, or the scores of an aggregate.
        by: the rule of the aggregate; None: there is one score.
    """
    signs = [-1 if lower_is_better(member) else 1 for member in members]
    scores = table[list(members)].to_numpy(float) * signs
    return scores[:, 0] if by is None else combine(scores, by)


def choose(table: pd.DataFrame, random: int, best: int) -> pd.DataFrame:
    """Return `table` with the columns `random`, `best`, `largest` and `number`.

    Equal networks are taken in the order of drawing. A score of −∞ or NaN is never among the best.
    """
    first = np.arange(len(table)) < random
    good = _top(table["fitness"].to_numpy(float), best)
    large = _top(table["params"].to_numpy(float), best)
    chosen = first | good | large
    number = np.where(chosen, np.cumsum(chosen) - 1, NONE)
    return table.assign(random=first, best=good, largest=large, number=number)


def _top(values: np.ndarray, count: int) -> np.ndarray:
    """Return which of the values (n,) are the `count` highest finite ones: bool (n,)."""
    finite = np.flatnonzero(np.isfinite(values))
    top = np.zeros(len(values), bool)
    top[finite[np.argsort(-values[finite], kind="stable")[:count]]] = True
    return top
