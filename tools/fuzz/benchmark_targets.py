"""Targets: readers of benchmarks' files and of tables."""

import bz2
import pickle
import zipfile
from pathlib import Path

import miniatures
import pandas as pd

from fuzz.harness import Target
from naswot.benchmarks import (
    custom,
    darts,
    nasbench101,
    nasbench201_pth,
    nats_bench,
    nats_files,
    sources,
    transnas,
)
from naswot.benchmarks.table import check
from naswot.benchmarks.tfrecord import records
from naswot.benchmarks.trainings import Trainings
from naswot.io.parquet import write_parquet
from naswot.io.pickles import (
    NUMPY_ARRAYS,
    NUMPY_SCALARS,
    ORDERED_DICT,
    PROTOCOL_2,
    decompressed,
    load,
)
from naswot.spaces import SPACES, Space

EVERYTHING = NUMPY_ARRAYS | NUMPY_SCALARS | ORDERED_DICT | PROTOCOL_2
NAME = "000000.pickle.pbz2"
SIZES = "8:8:8:8:8"


def _read_records(path: Path) -> None:
    for _ in records(path):
        pass


def _read_pickle(path: Path) -> None:
    with path.open("rb") as stream:
        load(stream, EVERYTHING, str(path))


def _read_entry(path: Path) -> None:
    trainings = Trainings(2)
    nats_bench._add(trainings, nats_files.Folder(path.parent), path.name, 0, SIZES)
    _keep(trainings.table([SIZES, SIZES]), path)


def _read_tar(path: Path) -> None:
    with nats_files.opened(path) as files:
        for name in ("meta.pickle.pbz2", NAME):
            load(files.decompressed(name), NUMPY_SCALARS | ORDERED_DICT, files.origin(name))


def _read_pth(path: Path) -> None:
    whole = nasbench201_pth.SIZE
    nasbench201_pth.SIZE = 1  # with the benchmark's 15,625 every run would take half a second
    try:
        nasbench201_pth.read(path)
    finally:
        nasbench201_pth.SIZE = whole


def _keep(table: pd.DataFrame, path: Path) -> None:
    write_parquet(table, path.with_name("kept.parquet"), {})


def _read_custom(path: Path) -> None:
    space = Space("custom", "custom", None, None, None, str, None, None, None, file="custom.py")
    custom.dataset_of(custom.read_table(path), path)
    _keep(check(custom.source_of(path, "accuracies").read(path), space, str(path)), path)


def _read_nds(space: str):
    return lambda path: _keep(check(sources._read_nds(path, space), SPACES[space], str(path)), path)


def _read_table(reader, space: str):
    def read(path: Path) -> None:
        table = reader(path)
        sources.Source(path.name, reader).describe(path)
        _keep(check(table, SPACES[space], str(path)), path)

    return read


def _pickles() -> list[bytes]:
    content = {"a": [1, 2.5, None, (3, "x")], "b": miniatures.entry(), "c": {1, 2}}
    return [pickle.dumps(content, protocol) for protocol in (0, 2, 4)]


def _csv() -> list[bytes]:
    return [
        b"arch,flowers/valid/9,flowers/test/9,note\na,50.5,51,x\nb,60,61,y\n",
        b"index,arch,flowers/test/9\n0,a,50.5\n1,b,1e1\n",
    ]


def _genotypes() -> bytes:
    import json

    text = json.dumps(miniatures.genotype())
    columns = {"index": [0], "genotype": [text], "params": [5], "surrogate_val_accuracy": [90.0]}
    return miniatures.parquet(columns)


def _custom_parquet() -> list[bytes]:
    columns = {"index": [0, 1, 2], "arch": ["a", "b", "c"], "flowers/test/9": [50.0, None, 51.0]}
    return [miniatures.parquet(columns, b'{"source":"mine"}')]


TARGETS = (
    Target(
        "tfrecord",
        lambda: [miniatures.nasbench101_file(miniatures.nasbench101_record())],
        _read_records,
        "some.tfrecord",
    ),
    Target(
        "nasbench101",
        lambda: [miniatures.nasbench101_record()],
        lambda path: _keep(nasbench101.read(path), path),
        "nasbench_full.tfrecord",
        miniatures.nasbench101_file,
    ),
    Target("pickle", _pickles, _read_pickle, "some.pickle"),
    Target(
        "nats_entry", lambda: [pickle.dumps(miniatures.entry())], _read_entry, NAME, bz2.compress
    ),
    Target(
        "nats_bzip2",
        lambda: [bz2.compress(b"some text")],
        decompressed,
        "some.pbz2",
    ),
    Target(
        "nats_tar",
        lambda: [miniatures.nats_tar({"meta.pickle.pbz2": {"meta_archs": [SIZES]}, NAME: 1})],
        _read_tar,
        "NATS.tar",
    ),
    Target(
        "nasbench201_pth",
        lambda: [miniatures.pth(False), miniatures.pth(True)],
        _read_pth,
        "NAS-Bench-201.pth",
    ),
    Target(
        "transnas_pth",
        lambda: [miniatures.transnas_pth()],
        lambda path: _keep(transnas.read(path, "macro"), path),
        "transnas-bench_v10141024.pth",
    ),
    Target(
        "nds_cells",
        lambda: [miniatures.nds(miniatures.cells_net())],
        _read_nds("nds_darts"),
        "DARTS.json",
    ),
    Target(
        "nds_stages",
        lambda: [miniatures.nds(miniatures.STAGES)],
        _read_nds("nds_resnext-a"),
        "ResNeXt-A.json",
    ),
    Target(
        "nds_zip",
        lambda: [
            miniatures.zipped({"nds_data/DARTS.json": miniatures.nds(miniatures.cells_net())}, kind)
            for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        ],
        _read_nds("nds_darts"),
        "nds_data.zip",
    ),
    Target("csv", _csv, _read_custom, "accuracies.csv"),
    Target("custom_parquet", _custom_parquet, _read_custom, "accuracies.parquet"),
    Target(
        "mirror_101",
        lambda: [miniatures.mirror_101()],
        _read_table(sources._read_nasbench101, "nasbench101"),
        "nasbench101.parquet",
    ),
    Target(
        "mirror_301",
        lambda: [_genotypes()],
        _read_table(darts.read_nasbench301, "nasbench301"),
        "nasbench301_darts_sample.parquet",
    ),
)
