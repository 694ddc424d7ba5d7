"""Rank networks by scores, with their costs, within limits, and with the Pareto front.

The costs `params`, `flops` and `memory` are scores of the family `size`; latencies are measured
after all networks are scored, together.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import pandas as pd
import torch

from naswot.costs import COSTS
from naswot.costs.latency import How, Latency
from naswot.costs.limits import Limits, known_cost, pareto_front
from naswot.costs.sources import Source, latency_source
from naswot.errors import NaswotError
from naswot.runtime.progress import Progress
from naswot.scores import FAMILY_OF, Family
from naswot.scores.adapter import Output
from naswot.scores.base import Batch, Loss
from naswot.scores.building import Missing, Model, build_network
from naswot.scores.inputs import as_images
from naswot.scores.ranking import (
    COLUMNS,
    Row,
    batch_of,
    check_any,
    lower_is_better,
    name_models,
    named_scores,
    ranking,
    score_each,
)

LATENCY_NOTE = "latency: "


@dataclass(frozen=True)
class Asked:
    """What a ranking tells about costs.

    Attributes:
        costs: the columns.
        limits: on costs; these are columns too.
        front: the costs of the Pareto front, columns too; empty: there is no front.
    """

    costs: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    front: tuple[str, ...] = ()

    def scores(self, names: Sequence[str]) -> list[str]:
        """Return the scores to compute: `names`, and the costs that are scores."""
        counted = [cost for cost in self.costs if cost in FAMILY_OF and cost != "params"]
        return list(dict.fromkeys([*names, *counted]))

    def columns(self, names: Sequence[str]) -> list[str]:
        """Return the columns of numbers: `names` and the costs; `params` is always a column."""
        costs = [cost for cost in self.costs if cost != "params"]
        return list(dict.fromkeys([*names, *costs]))


def asked_of(
    costs: str | Sequence[str] = (),
    limits: Limits | Mapping[str, float | str] = MappingProxyType({}),
    pareto: bool | str | Sequence[str] = False,
) -> Asked:
    """Return what the arguments of `rank` ask for.

    Raises:
        NaswotError: a cost does not exist, or a limit is no quantity of it.
    """
    limits = limits if isinstance(limits, Limits) else Limits(limits)  # type: ignore[arg-type]
    front: tuple[str, ...] = ()
    if isinstance(pareto, bool):
        front = (limits.kinds or ("params",)) if pareto else ()
    else:
        front = _costs(pareto)
    together = {*_costs(costs), *limits.kinds, *front}
    return Asked(tuple(cost for cost in COSTS if cost in together), limits, front)


def _costs(names: str | Sequence[str]) -> tuple[str, ...]:
    listed = [names] if isinstance(names, str) else names
    return tuple(dict.fromkeys(known_cost(name) for name in listed))


def rank(
    models: Mapping[str, Model] | Iterable[Model],
    images: Any,
    scores: str | Callable | Sequence[str | Callable] = ("naswot",),
    *,
    labels: Any = None,
    classes: int | None = None,
    loss: Loss | None = None,
    output: Output | None = None,
    precision: str = "float32",
    seed: int = 0,
    progress: Progress | None = None,
    fail_fast: bool = False,
    costs: str | Sequence[str] = (),
    limits: Limits | Mapping[str, float | str] = MappingProxyType({}),
    pareto: bool | str | Sequence[str] = False,
    latency: str | Source = "torch",
) -> pd.DataFrame:
    """Score networks on one mini-batch and sort them by the first score, best first.

    Every network is built and scored from the same state of the random generator, which `seed`
    gives. The caller's state does not change.

    Args:
        models: name → network, or networks. A network is a module, which is not changed (except
            that its lazy modules, if any, get their parameters), or a function or class that builds
            one. It is called without arguments, or with `num_classes` if it takes that argument
            and has no value for it from `functools.partial`.
        images: the inputs, as the networks take them, already normalised, on the device to use: a
            tensor (B, …) of floats, or of int64 for tokens; a tuple or list of tensors, which are
            positional arguments; a mapping from names of arguments to tensors. NumPy arrays count
            as tensors. The first dimension of all of them is the mini-batch
            (docs/how-to/inputs.md).
        scores: names of scores and aggregates, "all", or functions of your own
            (`naswot.scores.custom`). An aggregate, such as "ensemble", ranks the networks by
            several scores, whose columns follow.
        labels: (B,), from 0 to `classes` − 1; None: random, from `seed`. With a `loss`, any tensor
            (B, …) or containers of them, in the form that it takes.
        classes: number of classes; None: one more than the highest label, or 10 without labels or
            if the labels of a `loss` are not one integer from 0 for each image.
        loss: a function of the tensor that is scored and the labels, which returns a scalar
            tensor; None: cross-entropy of logits (B, classes).
        output: a function from what a network returns to the tensor (B, …) that is scored; None:
            the first tensor of floats with one row per image.
        precision: of the forward pass of the naswot score: "float32", "bfloat16", or "auto", which
            is bfloat16 on devices that have instructions for it.
        seed: of the weights and of random labels.
        progress: advanced after each network.
        fail_fast: whether to stop at the first network that fails.
        costs: columns to add: "flops", "memory", "latency" (docs/reference/costs.md); `params`
            is a column anyway.
        limits: cost → highest value, such as {"params": "5M", "latency": "8ms"}; a number is in
            the unit of the column. They add the columns of these costs.
        pareto: the costs of the Pareto front; True: those that are limited, or `params`.
        latency: where latencies come from, as `naswot.costs.sources.latency_source` reads it; it
            measures on the images' device.

    Returns:
        One row per network: `network` (its name), one column per score, `seconds` (of construction
        and all passes), `params` (trainable parameters) and `note`. Rows are sorted by the first
        score; −inf comes after other values, and NaN last. A score that does not apply to a network
        is NaN. If a network cannot be built or fails on the images, all its scores and seconds are
        NaN, and `note` says why. `params` is a nullable integer if some are not known. With limits,
        `broken` names those that a network breaks; networks without come first. With `pareto`,
        `front` says whether no other network within the limits is as good in the first score and
        all these costs, and better in one.

    Raises:
        NaswotError: an unknown score, cost or precision, unsuitable images or labels, no score that
            applies to any network, or all networks fail; with `fail_fast`, one does.
    """
    names, own = named_scores(scores)
    asked = asked_of(costs, limits, pareto)
    named = name_models(models)
    source = None
    if "latency" in asked.costs:
        how = How(device=str(as_images(images).device))
        source = latency_source(latency, how) if isinstance(latency, str) else latency
    rows = []
    for row in score_each(
        named,
        images,
        asked.scores(names),
        own=own,
        labels=labels,
        classes=classes,
        loss=loss,
        output=output,
        precision=precision,
        seed=seed,
        fail_fast=fail_fast,
    ):
        rows.append(row)
        if progress is not None:
            progress.advance()
    check_any(rows, names)
    if source is not None:
        batch = batch_of(images, labels, classes, seed, loss, output)
        rows = with_latencies(rows, named, batch, seed, source)
    return ranked(rows, names, asked, own)


def with_latencies(
    rows: Sequence[Row],
    models: Mapping[str, Model | Missing],
    batch: Batch,
    seed: int,
    source: Source,
    progress: Progress | None = None,
) -> list[Row]:
    """Return `rows` with the latencies of those that lack one, all measured together.

    Args:
        rows: one per network; those of networks that failed stay as they are.
        models: name → what builds the network, as for `naswot.scores.building.build_network`.
        batch: the mini-batch, which gives shape, number of classes and device.
        seed: of the weights.
        source: of the latencies.
        progress: advanced after each network.

    Returns:
        The rows with a value, or with the reason why there is none in the note.
    """
    networks = {
        row.network: functools.partial(build_network, row.network, models[row.network], batch, seed)
        for row in rows
        if lacks_latency(row)
    }
    with torch.random.fork_rng([batch.images.device] if batch.images.is_cuda else []):
        found = source.measure(networks, batch.images, progress)
    return [_with_latency(row, found.get(row.network)) for row in rows]


def lacks_latency(row: Row) -> bool:
    """Return whether a network that did not fail has neither a latency nor a note why."""
    unknown = math.isnan(row.values.get("latency", math.nan))
    return row.failure is None and unknown and LATENCY_NOTE not in row.note


def _with_latency(row: Row, found: Latency | NaswotError | None) -> Row:
    if isinstance(found, Latency):
        return replace(row, values={**row.values, "latency": found.median_ms})
    if found is None:
        return row
    reason = str(found).removeprefix(f"{row.network} ")
    return replace(row, note=f"{row.note} {LATENCY_NOTE}{reason}".strip())


def ranked(
    rows: Iterable[Row],
    names: Sequence[str],
    asked: Asked = Asked(),
    own: Mapping[str, Family] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return the table that `rank` returns, from the rows of all networks.

    `names` are the scores, of which the first one ranks; `own` has the families of scores that are
    given as functions.
    """
    frame = ranking(rows, asked.columns(names), own)
    costs = {cost: frame[cost].to_numpy(float, na_value=math.nan) for cost in asked.costs}
    within = pd.Series(True, frame.index)
    last = [name for name in COLUMNS[1:] if name not in names]
    columns = [name for name in frame if name not in last]
    if asked.limits:
        each = (dict(zip(costs, row, strict=True)) for row in zip(*costs.values(), strict=True))
        frame["broken"] = pd.Series([asked.limits.broken(one) for one in each], dtype=object)
        within = frame["broken"] == ""
        columns.append("broken")
    if asked.front:
        lower = lower_is_better(names[0], own)
        values = [frame[names[0]].where(within), *(costs[cost] for cost in asked.front)]
        frame["front"] = pareto_front(values, [not lower, *[False] * len(asked.front)])
        columns.append("front")
    order = [*within.index[within], *within.index[~within]]
    return frame.loc[order, [*columns, *last]].reset_index(drop=True)
