"""Read NATS-Bench v1.0: ``NATS-tss-v1_0-…-simple.tar`` and ``NATS-sss-v1_0-…-simple.tar``.

An archive, or the folder that it unpacks to, has ``meta.pickle.pbz2``, whose ``meta_archs`` lists
all architectures in official order, and one ``NNNNNN.pickle.pbz2`` per architecture: a dictionary
from the training length (``"12"`` and ``"200"``; sizes ``"01"``, ``"12"`` and ``"90"``) to
``arch_str`` and ``all_results``, the records that `naswot.benchmarks.trainings` describes. All
files are bzip2-compressed pickles of plain data with NumPy scalars. Source: Dong, Liu, Musial &
Gabrys, "NATS-Bench: Benchmarking NAS Algorithms for Architecture Topology and Size", TPAMI 2021
(MIT).
"""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from naswot.benchmarks.nats_files import Folder, Tar, opened
from naswot.benchmarks.trainings import Trainings
from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.io.pickles import NUMPY_SCALARS, ORDERED_DICT, load
from naswot.runtime.progress import Progress

SOURCE = "NATS-Bench v1.0"
LICENCE = "MIT"
SIZES = {"tss": 15_625, "sss": 32_768}

log = logging.getLogger("naswot")


def read(path: str | Path, kind: str) -> pd.DataFrame:
    """Return the benchmark table of NATS-Bench, one row per architecture.

    Architectures without a file have empty accuracies; the log says how many have a file.

    Args:
        path: the archive, or the folder that it unpacks to.
        kind: "tss" (topology: cell strings) or "sss" (sizes: channels such as 64:24:56:48:24).

    Returns:
        The columns of `naswot.benchmarks.trainings.Trainings.table`.

    Raises:
        NaswotError: the archive or folder, or a file in it, is missing or damaged, or belongs to
            the other kind.
    """
    with opened(Path(path)) as files:
        architectures = _architectures(files, kind)
        names = [f"{index:06d}.pickle.pbz2" for index in range(len(architectures))]
        present = [index for index, name in enumerate(names) if name in files]
        if not present:
            raise NaswotError(f"{path} has no architecture's file, such as {names[0]}.")
        trainings = Trainings(len(architectures))
        progress = Progress(f"NATS-Bench {kind}", len(present), "architectures")
        for index in present:
            _add(trainings, files, names[index], index, architectures[index])
            progress.advance()
    log.info(
        "%s: results of %s of the %s architectures",
        path,
        f"{trainings.count:,}",
        f"{len(architectures):,}",
    )
    return trainings.table(architectures)


def _architectures(files: Folder | Tar, kind: str) -> list[str]:
    meta = _load(files, "meta.pickle.pbz2")
    architectures = meta.get("meta_archs") if isinstance(meta, dict) else None
    if isinstance(architectures, list) and not all(map(_plain, architectures)):
        raise NaswotError(
            f"{files.origin('meta.pickle.pbz2')} lists architectures that are no plain text. Put "
            "the benchmark's own file in its place."
        )
    if not isinstance(architectures, list) or len(architectures) != SIZES[kind]:
        count = f"{len(architectures):,}" if isinstance(architectures, list) else "no"
        raise NaswotError(
            f"{files.origin('meta.pickle.pbz2')} lists {count} architectures; NATS-Bench {kind} "
            f"has {SIZES[kind]:,}. Name NATS-{kind}-v1_0-…-simple.tar or its folder."
        )
    return architectures


def _plain(arch: object) -> bool:
    return isinstance(arch, str) and arch.isascii()


def _add(
    trainings: Trainings, files: Folder | Tar, name: str, index: int, architecture: str
) -> None:
    entry, origin = _load(files, name), files.origin(name)
    try:
        lengths = sorted(entry, key=int)
        found = {entry[length]["arch_str"] for length in lengths}
        records = [entry[length]["all_results"] for length in lengths]
    except MALFORMED_RECORD_ERRORS as error:
        raise NaswotError(f"{origin} does not hold an architecture of NATS-Bench.") from error
    if found != {architecture}:
        raise NaswotError(
            f"{origin} is of {', '.join(map(shown, found))}; meta.pickle.pbz2 has "
            f"{architecture} at index {index}. Do not mix files of two folders."
        )
    for length in records:
        trainings.add(index, length, origin)


def _load(files: Folder | Tar, name: str) -> Any:
    allowed = NUMPY_SCALARS | ORDERED_DICT
    return load(files.decompressed(name), allowed, files.origin(name))
