"""Read NAS-Bench-201 as released: ``NAS-Bench-201-v1_1-096897.pth``.

It is a PyTorch file: a pickled dictionary, stored in a zip archive (since PyTorch 1.6) or between
pickles that describe the format (before). The dictionary has ``meta_archs``, the cell strings in
official order, and ``arch2infos``, which maps an index to ``{"less": …, "full": …}``, the
trainings of 12 and of 200 epochs. Each of these has ``arch_str`` and ``all_results``, the records
that `naswot.benchmarks.trainings` describes. The file holds no tensors, so it is read as plain
data, without PyTorch. Source: Dong & Yang, "NAS-Bench-201: Extending the Scope of Reproducible
Neural Architecture Search", ICLR 2020; D-X-Y/NAS-Bench-201 (MIT).

The whole content has to be in memory at once, about five times the size of the file. NATS-Bench
has the same trainings with one file per architecture, and needs far less memory.
"""

import contextlib
import logging
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from naswot.benchmarks.trainings import Trainings
from naswot.errors import MALFORMED_RECORD_ERRORS, NaswotError, shown
from naswot.io.pickles import NUMPY_SCALARS, ORDERED_DICT, PROTOCOL_2, load
from naswot.runtime.progress import Progress

SOURCE = "NAS-Bench-201 v1.1"
LICENCE = "MIT"
SIZE = 15_625
ALLOWED = NUMPY_SCALARS | ORDERED_DICT | PROTOCOL_2
LENGTHS = ("less", "full")

# The first pickle of an older PyTorch file (torch/serialization.py).
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C

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
    with _main_pickle(path) as stream:
        return load(stream, ALLOWED, str(path))


@contextlib.contextmanager
def _main_pickle(path: Path) -> Iterator[BinaryIO]:
    """Open a PyTorch file at the start of the pickle that holds the saved object."""
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                stream.seek(0)
                if load(stream, ALLOWED, str(path)) != _MAGIC_NUMBER:
                    raise NaswotError(f"{path} is not a PyTorch file.")
                load(stream, ALLOWED, str(path))  # version of the format
                load(stream, ALLOWED, str(path))  # byte sizes of numbers on the writing machine
                yield stream
                return
            with zipfile.ZipFile(stream) as archive:
                members = [m for m in archive.infolist() if m.filename.endswith("/data.pkl")]
                if len(members) != 1 or members[0].compress_type != zipfile.ZIP_STORED:
                    raise NaswotError(f"{path} is not a PyTorch file.")
                with archive.open(members[0]) as member:
                    while member.read(2**20):  # to the end, where zipfile compares the checksum
                        pass
            stream.seek(_start(stream, members[0].header_offset))
            yield stream
    except FileNotFoundError as error:
        raise NaswotError(f"{path} does not exist.") from error
    except (
        EOFError,
        OSError,
        RuntimeError,  # from zipfile: a password, or an unknown version or compression
        ValueError,
        struct.error,
        zipfile.BadZipFile,
    ) as error:
        raise NaswotError(
            f"{path} cannot be read ({error}). Put an intact copy in its place."
        ) from error


def _start(stream: BinaryIO, header: int) -> int:
    """Return the offset of a zip member's content, given the offset `header` of its header.

    `zipfile` does not tell this offset, and the pickle is read directly from the file.
    """
    stream.seek(header)
    name, extra = struct.unpack("<26xHH", stream.read(30))
    return header + 30 + name + extra
