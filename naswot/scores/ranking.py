"""Score a user's networks one by one, and rank them, best network first.

Modules and factories may be as in torchvision and timm: outputs in tuples and dicts, any input
size, any activation. A score that does not apply to a network leaves a gap and a note. So does a
network that fails; the others are still ranked.
"""

import difflib
import functools
import itertools
import math
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from naswot.errors import NaswotError
from naswot.runtime.device import choose_precision
from naswot.runtime.progress import log
from naswot.scores import AGGREGATES, FAMILY_OF, Family, members_of
from naswot.scores.adapter import Output
from naswot.scores.aggregates import combine
from naswot.scores.base import Batch, Loss, Options, Score, gap_of, measure
from naswot.scores.building import Missing, Model, build_network
from naswot.scores.custom import family_from, family_named, family_of, is_custom, with_patience
from naswot.scores.failures import how_it_fails, one_line
from naswot.scores.inputs import Inputs, as_images, as_tensors
from naswot.scores.lazy_modules import dry_run
from naswot.scores.naswot import PRECISIONS
from naswot.scores.outputs import tensors_in
from naswot.scores.relu import NoReluError

DEFAULT_CLASSES = 10
COLUMNS = ("network", "seconds", "params", "note")  # of a ranking, beside the scores
TAKEN = (*COLUMNS, "latency", "broken", "front")  # names that no score function may have
# Scores to recommend for networks without ReLUs: they use gradients or weights instead.
WITHOUT_RELUS = ("activation_codes", "grad_norm", "snip", "synflow", "jacob_cov")


@dataclass(frozen=True)
class Row:
    """The scores of one network.

    Attributes:
        network: its name.
        values: score → value, without scores that do not apply.
        seconds: of construction and all passes; NaN for a network that failed.
        params: number of trainable parameters; None if the network failed too early to tell.
        note: remarks on the network and its scores, in one line.
        failure: the error, if the network could not be scored at all.
        crashes: the errors of scores that failed although the network runs.
    """

    network: str
    values: Mapping[str, float]
    seconds: float
    params: int | None
    note: str
    failure: NaswotError | None = None
    crashes: tuple[NaswotError, ...] = ()


def score_each(
    named: Mapping[str, Model | Missing],
    images: Any,
    names: Sequence[str],
    *,
    own: Mapping[str, Family] = MappingProxyType({}),
    labels: Any = None,
    classes: int | None = None,
    loss: Loss | None = None,
    output: Output | None = None,
    precision: str = "float32",
    seed: int = 0,
    fail_fast: bool = False,
) -> Iterator[Row]:
    """Yield the row of each network as soon as it is scored or has failed.

    Arguments and errors are those of `naswot.rank`; `named` is what `name_models` returns, and
    `names` and `own` are what `named_scores` does.
    """
    asked: dict[Family, list[str]] = {}
    for name in members_of(names):
        asked.setdefault(own.get(name) or family_of(name), []).append(name)
    batch = batch_of(images, labels, classes, seed, loss, output)
    families = {", ".join(scores): with_patience(family) for family, scores in asked.items()}
    gaps = {scores: gap for scores, family in families.items() if (gap := gap_of(family, batch))}
    families = {scores: family for scores, family in families.items() if scores not in gaps}
    precision = choose_precision(precision, batch.images.device)
    if precision not in PRECISIONS:
        raise NaswotError(f"precision is {precision!r}; it can be auto, {', '.join(PRECISIONS)}.")
    devices = [batch.images.device] if batch.images.is_cuda else []
    with torch.random.fork_rng(devices):
        for family in families.values():
            family.get_ready(batch, Options(precision))
    for name, model in named.items():
        with torch.random.fork_rng(devices):
            row = _score_network(name, model, batch, seed, families, gaps, Options(precision))
        if fail_fast and row.failure is not None:
            raise row.failure
        yield row


def has_score(row: Row, names: Collection[str]) -> bool:
    """Return whether a network has one of the scores `names`; costs are in `row.values` too."""
    return not row.values.keys().isdisjoint(members_of(names))


def check_any(rows: Sequence[Row], names: Collection[str]) -> None:
    """Check that at least one network has one of the scores `names`.

    Raises:
        NaswotError: none has.
    """
    if any(has_score(row, names) for row in rows):
        return
    failures = [row.failure for row in rows if row.failure is not None]
    if len(rows) == 1 and failures:
        raise failures[0]
    if len(failures) == len(rows):
        raise NaswotError(
            f"All {len(rows)} networks failed; the first: {failures[0]}"
        ) from failures[0]
    first = next(row for row in rows if row.failure is None)
    everywhere = "" if len(rows) == 1 else " nor to the other networks"
    some = f" {len(failures)} of {len(rows)} failed; the first: {failures[0]}" if failures else ""
    raise NaswotError(
        f"No requested score applies to {first.network}{everywhere}; {first.note}{some}"
    )


def ranking(
    rows: Iterable[Row], names: Sequence[str], own: Mapping[str, Family] = MappingProxyType({})
) -> pd.DataFrame:
    """Return `rows` as a table like that of `naswot.rank`, sorted by the first of `names`.

    `names` are columns of numbers; those after the scores may be costs.
    """
    records = [
        {
            **row.values,
            "network": row.network,
            "seconds": row.seconds,
            "params": row.params,
            "note": row.note,
        }
        for row in rows
    ]
    columns = list(dict.fromkeys([COLUMNS[0], *names, *COLUMNS[1:]]))
    frame = pd.DataFrame(records, columns=columns)
    types = dict.fromkeys(names, "float64") | {"seconds": "float64"}
    types["params"] = "Int64" if frame["params"].isna().any() else "int64"  # counted for each
    frame = frame.astype(types)
    for name in filter(AGGREGATES.__contains__, names):
        frame[name] = aggregate(frame, name)
    lower = lower_is_better(names[0], own)
    return frame.iloc[_order(frame[names[0]], lower)].reset_index(drop=True)


def aggregate(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return an aggregate of the scores in `frame`, one value per row.

    A network that failed or has none of these scores has none, and the others are ranked without
    it.
    """
    members = AGGREGATES[name].scores
    signs = [-1 if lower_is_better(member) else 1 for member in members]
    scores = frame[list(members)].to_numpy(float) * signs
    scores[frame["seconds"].isna()] = np.nan  # no seconds: it failed
    return combine(scores, AGGREGATES[name].by)


def lower_is_better(name: str, own: Mapping[str, Family] = MappingProxyType({})) -> bool:
    """Return whether a score is lower for better networks; aggregates never are."""
    return name not in AGGREGATES and name in (own.get(name) or family_of(name)).lower_is_better


def named_scores(scores: Any) -> tuple[list[str], dict[str, Family]]:
    """Return the names of the requested scores, and the families of those that are functions.

    Raises:
        NaswotError: a score does not exist, or a function has a name that is taken.
    """
    names: list[str] = []
    own: dict[str, Family] = {}
    for score in [scores] if isinstance(scores, str) or callable(scores) else scores:
        if not callable(score):
            names.append(score)
            continue
        family = family_from(score, _called(score))
        for name in family.scores:
            if name in own or name in FAMILY_OF or name in AGGREGATES or name in TAKEN:
                raise NaswotError(
                    f"The name {name!r} of a score function is taken; rename the function."
                )
        own |= dict.fromkeys(family.scores, family)
        names += family.scores
    return score_names(names, own), own


def score_names(scores: str | Sequence[str], own: Collection[str] = frozenset()) -> list[str]:
    """Return the names of the requested scores without duplicates; "all" requests every score.

    The members of requested aggregates follow. A user's function with several outputs stands for
    all of them.

    Args:
        scores: the requested names.
        own: names of scores that are given as functions.

    Raises:
        NaswotError: a score does not exist, or none is requested.
    """
    names = list(dict.fromkeys([scores] if isinstance(scores, str) else scores))
    if names == ["all"]:
        return list(FAMILY_OF)
    known = [*FAMILY_OF, *AGGREGATES]
    for name in names:
        if name not in known and name not in own and not is_custom(str(name)):
            close = difflib.get_close_matches(str(name), known, n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise NaswotError(f"There is no score {name!r}.{meant} There are: {', '.join(known)}.")
    if not names:
        raise NaswotError(f"No score is requested. There are: {', '.join(known)}.")
    outputs = [
        family_named(name).scores if name not in own and is_custom(name) and "@" not in name
        else (name,)
        for name in names
    ]  # fmt: skip
    names = [*itertools.chain(*outputs)]
    return list(dict.fromkeys([*names, *members_of(names)]))


def name_models(models: Mapping[str, Model] | Iterable[Model]) -> dict[str, Model]:
    """Return name → network. Networks without a name get that of their class or function.

    Raises:
        NaswotError: there is no network, or one is neither a module nor callable.
    """
    if isinstance(models, nn.Module) or callable(models):
        raise NaswotError(
            "A single network is given; pass a list of networks or a mapping name → network."
        )
    if isinstance(models, Mapping):
        named = dict(models)
    else:
        named, seen = {}, Counter[str]()
        for model in models:
            name = _called(model)
            seen[name] += 1
            named[name if seen[name] == 1 else f"{name}-{seen[name]}"] = model
    if not named:
        raise NaswotError("There are no networks to score.")
    for name, model in named.items():
        if not callable(model):
            raise NaswotError(
                f"{name} is neither a module nor a function that builds one, but "
                f"{type(model).__name__}."
            )
    return named


def _called(model: Model) -> str:
    if isinstance(model, functools.partial):
        return _called(model.func)
    if isinstance(model, str):  # a mistake, which the caller reports by this name
        return model
    return getattr(model, "__name__", type(model).__name__)


def batch_of(
    images: Any,
    labels: Any,
    classes: int | None,
    seed: int,
    loss: Loss | None = None,
    output: Output | None = None,
) -> Batch:
    """Return the mini-batch that the arguments of `naswot.rank` make.

    Raises:
        NaswotError: images or labels do not suit.
    """
    images = as_images(images)
    if len(images) < 2:
        raise NaswotError("There is one image; scores of networks compare two or more.")
    if loss is not None:
        found = _labels_of_loss(labels, images)
        return Batch(images, found, classes or _classes_of(found), loss, output)
    if labels is None:
        classes = classes or DEFAULT_CLASSES
        generator = torch.Generator().manual_seed(seed)
        labels = torch.randint(classes, (len(images),), generator=generator)
    labels = torch.as_tensor(labels)
    if labels.is_floating_point() or labels.shape != images.shape[:1]:
        raise NaswotError(
            f"The labels are {labels.dtype} of shape {tuple(labels.shape)}; they have to be "
            f"integers of shape ({len(images)},), one per image. (Other labels need a `loss`.)"
        )
    lowest, highest = int(labels.min()), int(labels.max())
    classes = classes or highest + 1
    if lowest < 0 or highest >= classes:
        raise NaswotError(
            f"The labels are from {lowest} to {highest}; with {classes} classes they have to be "
            f"from 0 to {classes - 1}. Set the number of classes (--classes on the command line)."
        )
    return Batch(images, labels.to(images.device, torch.int64), classes, output=output)


def _labels_of_loss(labels: Any, images: Inputs) -> Inputs:
    """Return the labels that a loss takes as tensors on the images' device.

    Raises:
        NaswotError: they are missing, or are not one for each image.
    """
    if labels is None:
        raise NaswotError("A loss is given without labels; give the labels that it takes.")
    found = as_tensors(labels, "labels")
    if found is None:
        try:
            found = torch.as_tensor(labels)
        except (RuntimeError, TypeError, ValueError) as error:
            raise NaswotError(
                f"The labels are a {type(labels).__name__} without tensors; give a tensor, an "
                "array, numbers, or containers of tensors."
            ) from error
    if found.shape[:1] != images.shape[:1]:
        raise NaswotError(
            f"There are labels of shape {tuple(found.shape)} for {len(images)} images; the first "
            "dimension has to be the mini-batch."
        )
    return found.to(images.device)


def _classes_of(labels: Inputs) -> int:
    """Return the number of classes that labels of a loss tell, or `DEFAULT_CLASSES`."""
    if isinstance(labels, torch.Tensor) and labels.ndim == 1:
        other = labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool
        numbers = labels.long()  # small types lack a minimum, and overflow
        if not other and numbers.min() >= 0:
            return int(numbers.max()) + 1
    return DEFAULT_CLASSES


def _score_network(
    name: str,
    model: Model | Missing,
    batch: Batch,
    seed: int,
    families: Mapping[str, Family],
    gaps: Mapping[str, str],
    options: Options,
) -> Row:
    """Return the row of one network; `families` are named as in its note.

    `gaps` has why other families do not apply to the inputs.
    Whatever the network raises becomes the failure of its row, except KeyboardInterrupt.
    """
    build = functools.partial(build_network, name, model, batch, seed)
    own = {asked: family for asked, family in families.items() if family.function is not None}
    built_in = {asked: family for asked, family in families.items() if asked not in own}
    network: Any = None
    params = results = None
    try:
        started = time.perf_counter()
        network = build()
        seconds = time.perf_counter() - started
        try:
            _require_tensors(name, network, batch)
        finally:
            params = _trainable_params(network)
        try:
            results = measure(lambda: network, batch, list(built_in.values()), options)
        except Exception as error:
            # The families that fail will fail again one by one, and are noted or raised then.
            log.debug("%s is scored family by family: %r", name, error)
        network = None  # frees memory, which the next network may need
        apart = own if results is not None else families  # a user's function is tried once
        found, notes, crashes = _measure_apart(name, build, batch, apart, options)
        results = (results or {}) | found
        notes |= gaps
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        network = None
        failure = error if isinstance(error, NaswotError) else _network_failure(name, error, batch)
        _release_frames(failure)
        if batch.images.is_cuda:
            torch.cuda.empty_cache()
        note = str(failure).removeprefix(f"{name} ")  # the row has the name already
        return Row(name, {}, math.nan, params, note, failure)
    for family in families.values():
        first = results.get(family.scores[0])
        if first is not None:
            seconds += first.seconds - first.build_seconds
    requested = {score for asked in families for score in asked.split(", ")}
    results = {score: result for score, result in results.items() if score in requested}
    notes |= {score: result.note for score, result in results.items() if result.note}
    values = {score: result.value for score, result in results.items()}
    return Row(name, values, seconds, params, _joined(notes), crashes=tuple(crashes))


def _measure_apart(
    name: str,
    build: Callable[[], nn.Module],
    batch: Batch,
    families: Mapping[str, Family],
    options: Options,
) -> tuple[dict[str, Score], dict[str, str], list[NaswotError]]:
    """Return score → result, family → note, and the crashes, of families computed one by one."""
    results: dict[str, Score] = {}
    notes: dict[str, str] = {}
    crashes = []
    for asked, family in families.items():
        try:
            results |= measure(build, batch, [family], options)
        except NoReluError as error:
            others = (name for name in WITHOUT_RELUS if not gap_of(family_of(name), batch))
            notes[asked] = f"{str(error).rstrip('.')}; try: {', '.join(others)}."
        except NaswotError as error:
            notes[asked] = str(error)
            if error.__cause__ is not None:
                crashes.append(error)
        except Exception as error:  # a network may raise anything
            crashes.append(_score_failure(name, build, error, batch))
            notes[asked] = str(crashes[-1])
    return results, notes, crashes


def _require_tensors(name: str, network: nn.Module, batch: Batch) -> None:
    """Run `network` on two images, which also gives lazy modules their parameters.

    Neither its state nor that of the random generators changes.

    Raises:
        NaswotError: its output contains no tensor.
    """
    output = dry_run(network, batch.images[:2])
    if next(tensors_in(output), None) is None:
        raise NaswotError(
            f"{name} returns a {type(output).__name__} without tensors; it has to return a tensor, "
            "or tensors in tuples, lists or dicts."
        )


def _trainable_params(network: nn.Module) -> int | None:
    """Return the number of trainable parameters; None while lazy modules lack theirs."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return None if any(map(is_lazy, trained)) else sum(map(torch.numel, trained))


def _score_failure(
    name: str, build: Callable[[], nn.Module], error: Exception, batch: Batch
) -> NaswotError:
    """Return the error for a score that raised `error`; raise if the network itself fails."""
    if isinstance(error, torch.OutOfMemoryError):
        torch.cuda.empty_cache()
        explained = _out_of_memory(name, batch)
    else:
        network = build()
        network.train()
        with torch.no_grad():
            network(batch.images.clone())
        explained = NaswotError(f"it fails on {name}: {one_line(error)}")
    explained.__cause__ = error
    _release_frames(explained)
    return explained


def _network_failure(name: str, error: BaseException, batch: Batch) -> NaswotError:
    """Return the error for a network that raised `error`."""
    if isinstance(error, torch.OutOfMemoryError):
        explained = _out_of_memory(name, batch)
    else:
        cure = "give it others (--image-size and --channels on the command line)"
        explained = NaswotError(f"{name} {how_it_fails(error, batch.images, cure)}")
    explained.__cause__ = error
    return explained


def _out_of_memory(name: str, batch: Batch) -> NaswotError:
    return NaswotError(
        f"the GPU's memory is too small for {name} and {len(batch.images)} images; give it fewer "
        "(--batch-size on the command line)."
    )


def _joined(notes: Mapping[str, str]) -> str:
    """Return the notes of one network as one text; equal notes are joined."""
    named: dict[str, list[str]] = {}
    for name, text in notes.items():
        named.setdefault(text, []).append(name)
    return " ".join(f"{', '.join(names)}: {text}" for text, names in named.items())


def _release_frames(error: BaseException | None) -> None:
    """Free the local variables of an error's frames, such as networks; line numbers remain."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _order(values: pd.Series, lower: bool) -> list[int]:
    """Return the order of rows: best first, then −inf, then NaN; ties in the given order."""
    numbers = values.to_numpy(float, na_value=math.nan)

    def key(row: int) -> tuple[int, float]:
        value = float(numbers[row])
        if math.isnan(value):
            return 2, 0.0
        if value == -math.inf:
            return 1, 0.0
        return 0, value if lower else -value

    return sorted(range(len(values)), key=key)
