"""Score architectures on a mini-batch: one row per architecture."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch
from pyarrow.lib import ArrowException
from torch import nn

from naswot.errors import NaswotError, SpaceError
from naswot.images.drawing import MiniBatch
from naswot.io.parquet import write_parquet
from naswot.runtime.device import (
    choose_device,
    choose_precision,
    device_name,
    peak_memory,
    tune_allocator,
)
from naswot.runtime.progress import Progress, duration, log
from naswot.runtime.provenance import build_metadata
from naswot.scores import Family
from naswot.scores.base import Batch, Options, measure
from naswot.scores.custom import family_named, with_patience
from naswot.scores.failures import how_it_fails
from naswot.scores.plan import Plan
from naswot.spaces import Space
from naswot.spaces.sampling import Sample, sample_of, to_score
from naswot.tables.batch import read_mini_batch
from naswot.tables.order import read_order


def score_networks(
    order: str | Path,
    batch: str | Path,
    output: str | Path,
    *,
    space: Space,
    images: str,
    family: str,
    seed: int,
    first: int,
    last: int,
    precision: str | None = None,
    relu_count: str | None = None,
    device: str = "auto",
    threads: int = 1,
    sample: Sample | Mapping[str, Sample] | None = "all",
) -> None:
    """Score one shard of a sample and write it as a Parquet file.

    Args:
        order: Parquet file of `naswot.stages.sample.sample_architectures`.
        batch: .npz file with the mini-batch under `images`.
        output: the shard's file; the other shards are in the same folder.
        space: the search space of the architectures.
        images, seed, precision, relu_count: see config/README.md; the last two for
            families that have such options. The file's metadata give the value chosen for "auto".
        family: a family of scores, by name, built-in or a user's; all its scores are computed.
        first, last: the shard's range of the architectures to score, in the order of drawing,
            from 0 and without `last`.
        device: "auto" takes a GPU if torch sees one.
        threads: CPU threads that torch may use.
        sample: number of sampled architectures, one value or a mapping from space to value; only
            the estimate of the remaining time uses it. None: log no estimate, because the other
            shards are not in the same folder.

    Raises:
        NaswotError: an input is damaged, an architecture cannot be scored (in a custom space: none
            of several can), or there is no such device.
    """
    torch.set_num_threads(threads)
    target = choose_device(device)
    options, known = Options(), family_named(family)
    if known.options:
        options = Options(choose_precision(precision, target), relu_count)  # type: ignore[arg-type]
    found = read_mini_batch(batch)
    tensors = on_device(found, target)
    every = to_score(read_order(order))
    architectures = every[first:last]
    end = first + len(architectures)
    label = f"{family} of {space.name} on {images}, networks {first + 1:,} to {end:,}"
    chosen = f"{options.precision}{' (auto)' if precision == 'auto' else ''}"
    log.info("%s: %s, threads: %d, %s", label, device_name(target), threads, chosen)
    started = time.monotonic()
    scored = score_architectures(
        architectures,
        builder(space, known, options, target),
        tensors,
        known,
        seed,
        Progress(label, len(architectures), "networks"),
        options,
        custom=space.file is not None or space.varied or known.function is not None,
        varied=space.varied,
    )
    metadata = build_metadata(
        space=space.name,
        images=images,
        family=family,
        seed=seed,
        batch_size=len(tensors.images),
        image_size=tensors.images.shape[-1],
        true_labels=found.true_labels,
        first=first,
        last=last,
        **(asdict(options) if known.options else {}),
    )
    if known.function is not None:
        metadata["lower_is_better"] = bool(known.lower_is_better)
    metadata |= {
        "device": device_name(target),
        "threads": threads,
        "seconds": round(time.monotonic() - started, 3),
        "peak_memory_mib": peak_memory(target),
    }
    write_parquet(scored, output, metadata)
    outlook = ""
    if sample is not None and len(architectures):  # a benchmark table may list fewer than planned
        drawn = sample_of(sample, space.name)
        total = len(every) if drawn == "all" else min(len(every), int(drawn))
        outlook = _outlook(Path(output), total, time.monotonic() - started)
    log.info("%s: done%s", label, outlook)


def builder(
    space: Space, family: Family, options: Options, device: torch.device
) -> Callable[[str, int], nn.Module | Plan]:
    """Return the function that makes what is scored of an architecture: the fastest form."""
    if space.plan is not None and family.takes_plans(options, device):
        return space.plan
    return space.build


def on_device(batch: MiniBatch, device: torch.device) -> Batch:
    """Return a mini-batch as tensors on `device`."""
    images, labels = torch.from_numpy(batch.images), torch.from_numpy(batch.labels)
    return Batch(images.to(device), labels.to(device), batch.classes)


def score_architectures(
    architectures: pd.DataFrame,
    build: Callable[[str, int], nn.Module | Plan],
    batch: Batch,
    family: Family,
    seed: int,
    progress: Progress,
    options: Options,
    custom: bool = False,
    varied: bool = False,
) -> pd.DataFrame:
    """Compute the scores of `family` for each row of `architectures` (`index`, `arch`).

    Every network starts from the same state of the random generator. It has one output per class,
    or a single output if the family does not use the outputs.

    With `custom`, the networks or the scores are others'. A network that cannot be built or fails
    does not stop the scoring of the others: its scores are NaN, and a note says what went wrong.
    With `varied`, all of `architectures` may fail, because others in the space may not.

    Returns:
        Columns `index`, `arch`, the scores by their names (−inf and NaN are kept), `relu_units`
        and `relu_modules` if the family uses binary codes, `seconds` of the whole family
        (construction included) and `build_seconds`; with `custom` also `note`, which may be empty.

    Raises:
        NaswotError: an architecture cannot be scored; the message names it. With `custom`: none of
            several can be scored, unless `varied`.
    """
    family = with_patience(family)
    outputs = 1 if family.one_output else batch.classes
    rows, failures, settled = [], [], False
    images, advice = batch.images, "set image_size"
    for index, arch in architectures[["index", "arch"]].itertuples(index=False):
        make = partial(build, arch, outputs)
        started = time.perf_counter()
        try:
            if not settled:  # score the first network twice: torch and numba set up only once
                measure(make, batch, [family], options)
                tune_allocator()
                settled = True
            torch.manual_seed(seed)
            found = measure(make, batch, [family], options)
        except (KeyboardInterrupt, SpaceError):
            raise
        except BaseException as error:  # a network may raise anything
            known = isinstance(error, NaswotError)
            if not custom and not known:
                raise
            note = " ".join(str(error).split()) if known else how_it_fails(error, images, advice)
            failures.append(f"architecture {index} ({arch}): {note}")
            if not custom:
                raise NaswotError(failures[0]) from error
            seconds = time.perf_counter() - started
            rows.append({"index": index, "arch": arch, "seconds": seconds, "note": note})
        else:
            notes = dict.fromkeys(score.note for score in found.values() if score.note)
            about = asdict(found[family.scores[0]]) | {"note": "; ".join(notes)}
            if notes:
                log.info("architecture %d (%s): %s", index, arch, about["note"])
            values = {name: score.value for name, score in found.items()}
            rows.append({"index": index, "arch": arch} | values | about)
        progress.advance()
    if failures:
        count = f"{len(failures)} of {len(rows)} networks failed"
        # A single failure says nothing about the networks of other shards.
        if len(failures) == len(rows) > 1 and not varied:
            raise NaswotError(f"{count}; the first: {failures[0]}")
        log.warning("%s: %s, see note; the first: %s", progress.label, count, failures[0])
    types = {"index": "int64", "arch": "str"} | dict.fromkeys(family.scores, "float64")
    types |= {"relu_units": "Int64", "relu_modules": "Int64"}
    types |= {"seconds": "float64", "build_seconds": "float64"}
    if custom:
        types["note"] = "str"
    frame = pd.DataFrame(rows, columns=list(types)).astype(types)
    if frame["relu_units"].isna().all():
        frame = frame.drop(columns=["relu_units", "relu_modules"])
    for name in family.scores:
        for kind, is_it in (("−inf", np.isneginf), ("inf", np.isposinf), ("NaN", np.isnan)):
            number = int(is_it(frame[name].to_numpy(float)).sum())
            if number:
                log.info("%s: %d of %d %s are %s", progress.label, number, len(frame), name, kind)
    return frame


def _outlook(output: Path, total: int, took: float) -> str:
    """Say how many networks are scored and, from recent throughput, how much time remains.

    `output` is the shard that was just written, and `took` is its run time in seconds.
    """
    shards = []
    for path in output.parent.glob("[0-9]*.parquet"):
        with suppress(OSError, ArrowException):  # being replaced now, or damaged
            shards.append((path.stat().st_mtime, pq.read_metadata(path).num_rows))
    scored = sum(rows for _, rows in shards)
    if scored >= total:
        return f"; all {total:,} networks are scored"
    # Use the clock of the file system, which may be another machine's.
    now, took = output.stat().st_mtime, max(took, 1e-3)
    # Parallel jobs end almost together, so measure over one shard's run time and over two.
    pace = max(
        sum(rows for end, rows in shards if end >= now - span) / span for span in (took, 2 * took)
    )
    left = duration((total - scored) / pace)
    return f"; {scored:,} of {total:,} networks are scored, about {left} left"
