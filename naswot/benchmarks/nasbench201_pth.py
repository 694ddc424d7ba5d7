"""Read NAS-Bench-201 as released: ``NAS-Bench-201-v1_1-096897.pth``.

It is a PyTorch file with a dictionary of ``meta_archs``, the cell strings in official order, and
``arch2infos``, which maps an index to ``{"less": …, "full": …}``, the trainings of 12 and of 200
epochs. Each of these has ``arch_str`` and ``all_results``, the records that
`naswot.benchmarks.trainings` describes. The file holds no tensors, so it is read as plain data,
without PyTorch. Source: Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural
Architecture Search", ICLR 2020; D-X-Y/NAS-Bench-201 (MIT).

The whole content has to be in memory at once, about five times the size of the file. NATS-Bench
has the same trainings with one file per architecture, and needs far less memory.
"""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from naswot.benchmarks.trainings import Trainings
from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.io.pickles import NUMPY_SCALARS, ORDERED_DICT, PROTOCOL_2
from naswot.io.pytorch_file import load_plain
from naswot.runtime.progress import Progress

SOURCE = "NAS-Bench-201 v1.1"
LICENCE = "MIT"
SIZE = 15_625
ALLOWED = NUMPY_SCALARS | ORDERED_DICT | PROTOCOL_2
LENGTHS = ("less", "full")

log = logging.getLogger("naswot")


def read(path: str | Path) -> pd.DataFrame:
    """Return the benchmark table of NAS-Bench-201, one row per cell in official order.

    Architectures without results have empty accuracies; the log says how many have results.

    Returns:
        The columns of `naswot.benchmarks.trainings.Trainings.table`.

    Raises:
        NaswotError: the file is missing or damaged, holds anything but plain data, or does not
            have the form above.
    """
    content = _content(Path(path))
    try:
        architectures, infos = list(content["meta_archs"]), dict(content["arch2infos"])
        if len(architectures) != SIZE or not set(infos) <= set(range(SIZE)):
            raise ValueError(f"it lists {len(architectures):,} architectures, not {SIZE:,}")
        if not all(isinstance(arch, str) and arch.isascii() for arch in architectures):
            raise ValueError("it lists architectures that are no plain text")
        for index, info in infos.items():
            found = {info[length]["arch_str"] for length in LENGTHS}
            if found != {architectures[index]}:
                raise ValueError(
                    f"it has {shown(found)} at index {index}, not {architectures[index]}"
                )
    except MALFORMED_RECORD_ERRORS as error:
        raise NaswotError(
            f"{path} is not NAS-Bench-201 ({type(error).__name__}: {str(error)[:400]}). Put "
            "NAS-Bench-201-v1_1-096897.pth in its place."
        ) from error
    trainings = Trainings(SIZE)
    progress = Progress("NAS-Bench-201", len(infos), "architectures")
    for index in sorted(infos):
        for length in LENGTHS:
            trainings.add(index, infos[index][length].get("all_results"), str(path))
        progress.advance()
    log.info("%s: results of %s of the %s architectures", path, f"{len(infos):,}", f"{SIZE:,}")
    return trainings.table(architectures)


def _content(path: Path) -> Any:
    return load_plain(path, ALLOWED)
