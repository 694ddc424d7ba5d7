"""One network: our score of it and the oracle's, and what became of it."""

import copy
import math
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import oracle_operations
import torch
from torch import nn

import naswot
from naswot.scores.relu import NoReluError

# Outcomes. Those that ask for somebody to look at them are WRONG.
EQUAL, EQUAL_WITH_NOTE, NO_RELU = "equal", "equal with note", "no ReLU, and refused"
EXPLAINED, REFUSED = "differs as noted", "refused"
DIFFERS, FAULT, ODD = "differs", "another exception", "only the oracle fails"
FAILS, LARGE, LONG, DIED = "network fails", "too large", "too long", "process died"
WRONG = (DIFFERS, FAULT, ODD, DIED)
OUTCOMES = (EQUAL, EQUAL_WITH_NOTE, NO_RELU, EXPLAINED, REFUSED, *WRONG, FAILS, LARGE, LONG)
TOLERANCE = 1e-6  # of a score, relative: the layout of convolutions moves a code in 10⁵
BATCH = 5  # a number that is a layer's width or a window's size less often than 4 or 8


@dataclass
class Row:
    """What is known of one network. `oracle_` is before what the oracle says."""

    package: str
    network: str
    outcome: str = ""
    parameters: int = 0
    pixels: int = 0
    score: float = math.nan
    oracle_score: float = math.nan
    relu_modules: int = 0
    oracle_relu_modules: int = 0
    relu_units: int = 0
    oracle_relu_units: int = 0
    note: str = ""
    left_out: str = ""
    error: str = ""
    seconds: float = 0.0


def compare(
    package: str,
    name: str,
    build: Callable[[int], nn.Module],
    sizes: Sequence[int],
    *,
    seed: int = 0,
    most_parameters: float = math.inf,
) -> Row:
    """Return the row of a network at the first of `sizes`, in pixels, that it takes.

    Args:
        package, name: of the network.
        build: size of images → the network.
        sizes: to try, one after the other.
        seed: of weights, images and chance.
        most_parameters: larger ones are passed over.
    """
    row, began = Row(package, name), time.perf_counter()
    for row.pixels in sizes:
        torch.manual_seed(seed)
        try:
            network = build(row.pixels)
        except Exception as error:
            row.outcome, row.error = FAILS, _told(error)
            continue
        row.parameters = sum(parameter.numel() for parameter in network.parameters())
        if row.parameters > most_parameters:
            row.outcome = LARGE
            break
        _measure(row, network, seed)
        if row.outcome != FAILS:
            break
    row.seconds = round(time.perf_counter() - began, 1)
    return row


def _measure(row: Row, network: nn.Module, seed: int) -> None:
    shape, noise = (BATCH, 3, row.pixels, row.pixels), torch.Generator().manual_seed(seed)
    images = torch.randn(shape, generator=noise)
    found, failed = _tried(lambda: laid_out_as_ours(network, images), seed)
    ours, refusal = _tried(lambda: naswot.score(network, images), seed)
    if found:
        row.oracle_score, row.left_out = found.score, "; ".join(found.left_out)
        row.oracle_relu_modules, row.oracle_relu_units = found.calls, found.units
    if ours:
        row.score, row.note = ours.value, getattr(ours, "note", "") or ""
        row.relu_modules, row.relu_units = ours.relu_modules, ours.relu_units
    row.outcome, row.error = outcome(row, failed, refusal), _told(failed or refusal)


def _tried(compute: Callable[[], Any], seed: int) -> tuple[Any, Exception | None]:
    """Return what `compute` returns or None, and what it raises or None."""
    torch.manual_seed(seed)
    try:
        return compute(), None
    except Exception as error:
        return None, error


def laid_out_as_ours(network: nn.Module, images: torch.Tensor) -> oracle_operations.Found:
    """Return what the oracle finds in the layout in which `naswot.score` computes."""
    last, turned = torch.channels_last, copy.deepcopy(network)
    for parameter in turned.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=last)
    try:
        return oracle_operations.find(turned, images.contiguous(memory_format=last))
    except RuntimeError as error:
        if "view size is not compatible" not in str(error):
            raise
    return oracle_operations.find(network, images)


def outcome(row: Row, failed: Exception | None, refusal: Exception | None) -> str:
    """Return the outcome, given what the oracle and our score raised, if anything."""
    if failed:
        return FAILS if refusal else ODD
    if isinstance(refusal, NoReluError) and not row.oracle_relu_units:
        return NO_RELU
    if refusal:
        return REFUSED if isinstance(refusal, naswot.NaswotError) else FAULT
    counts = row.relu_modules, row.relu_units
    if counts == (row.oracle_relu_modules, row.oracle_relu_units) and difference(row) <= TOLERANCE:
        return EQUAL_WITH_NOTE if row.note else EQUAL
    return EXPLAINED if row.note else DIFFERS


def difference(row: Row) -> float:
    """Return by how much the scores differ, relative to the oracle's; 0 if both are NaN or −∞."""
    ours, theirs = row.score, row.oracle_score
    if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
        return 0.0
    gap = abs(ours - theirs) / (abs(theirs) or 1)
    return gap if math.isfinite(gap) else math.inf


def _told(error: Exception | None) -> str:
    """Return the error in a line, with the place that raised it if it is not a message of ours."""
    if error is None:
        return ""
    text = " ".join(str(error).split())[:300]
    if isinstance(error, naswot.NaswotError):
        return text
    *_, place = traceback.extract_tb(error.__traceback__)
    file = "/".join(place.filename.split("/")[-2:])
    return f"{type(error).__name__}: {text} ({file}:{place.lineno})"


def quiet() -> None:
    """Pass over warnings of the networks' own."""
    warnings.simplefilter("ignore")
