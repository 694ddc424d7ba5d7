"""Asking a benchmark table for accuracies: keys are exact, and nothing is averaged in silence."""

import json

import numpy as np
import pandas as pd
import pytest

import naswot
from naswot.benchmarks import nats_bench
from naswot.benchmarks.query import BenchmarkTable
from naswot.errors import NaswotError
from naswot.io.parquet import write_parquet
from naswot.spaces import SPACES
from naswot.spaces.nds import from_record

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|none~1|none~2|"


@pytest.fixture(scope="module")
def cells() -> BenchmarkTable:
    """Return NAS-Bench-201 with invented accuracies, of which one cell has none."""
    architectures = list(SPACES["nasbench201"].architectures())
    numbers = np.arange(len(architectures), dtype=float)
    half = 40 + numbers / 1000
    half[7] = np.nan
    frame = pd.DataFrame(
        {
            "index": numbers.astype(int),
            "arch": architectures,
            "cifar10-valid/x-valid/12": half - 20,
            "cifar10-valid/x-valid/200": half,
            "cifar10-valid/x-valid/200/per-seed": [[x - 1, x + 1] for x in half],
            "cifar10/ori-test/200": half + 10,
            "cifar10/train-seconds-per-epoch": numbers,
        }
    )
    return BenchmarkTable(frame, "nasbench201", "cells")


def test_an_answer_says_what_it_is(cells):
    index = list(cells.frame["arch"]).index(CELL)
    found = cells.query(CELL, "cifar10-valid/x-valid", 200)
    mean = 40 + index / 1000
    assert (found.index, found.arch, found.key) == (index, CELL, "cifar10-valid/x-valid/200")
    assert (found.mean, found.per_seed) == (mean, (mean - 1, mean + 1))
    assert found.per_epoch is None
    assert cells.query(index, "cifar10-valid/x-valid", 200) == found
    assert cells.query(np.int64(index), "cifar10/ori-test", 200).mean == mean + 10
    assert cells.query(CELL, "cifar10/ori-test", 200).per_seed is None
    assert cells.query(CELL, "cifar10-valid/x-valid", 12).mean == mean - 20
    assert cells.row(CELL)["cifar10/train-seconds-per-epoch"] == index
    assert "15,625 architectures, cifar10-valid/x-valid/12, cifar10-valid" in repr(cells)


def test_an_unknown_accuracy_is_nan_and_stays_in_the_list_of_all(cells):
    assert np.isnan(cells.query(7, "cifar10-valid/x-valid", 200).mean)
    every = cells.accuracies("cifar10-valid/x-valid", 200)
    assert (len(every), every.name) == (15_625, "cifar10-valid/x-valid/200")
    assert np.flatnonzero(every.isna()).tolist() == [7]
    assert every[8] == cells.query(8, "cifar10-valid/x-valid", 200).mean


@pytest.mark.parametrize(
    ("dataset", "epochs"),
    [
        ("cifar10", 200),
        ("cifar10/x-valid", 200),
        ("cifar10-valid", 200),
        ("cifar10-valid/ori-test", 200),
        ("cifar10-valid/x-valid", 100),
        ("cifar10-valid/x-valid", 200.0),
        ("cifar10-valid/x-valid/200", None),
        ("cifar10/train-seconds-per-epoch", 200),
        (None, 200),
    ],
)
def test_a_key_that_is_not_there_is_answered_with_all_that_are(cells, dataset, epochs):
    with pytest.raises(NaswotError) as raised:
        cells.query(CELL, dataset, epochs)
    assert str(raised.value).startswith("cells has no accuracies ")
    assert str(raised.value).endswith(
        "it has, as dataset/split/epochs: cifar10-valid/x-valid/12, cifar10-valid/x-valid/200, "
        "cifar10/ori-test/200."
    )


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (15_625, "has no architecture 15625; its indices are from 0 to 15,624"),
        (-1, "has no architecture -1"),
        (True, "has no architecture True"),
        (1.5, "1.5 is no architecture: name it by its text or its official index"),
        (None, "None is no architecture"),
        ("|nor_conv_3x3~0|", r"is not an architecture|not a cell|nor_conv_3x3~0"),
    ],
)
def test_another_architecture_is_one_message(cells, arch, message):
    with pytest.raises(NaswotError, match=message):
        cells.query(arch, "cifar10/ori-test", 200)


def test_isomorphs_are_found_and_each_keeps_its_accuracy(cells):
    space = SPACES["nasbench201"]
    found = cells.isomorphs(CELL)
    assert cells.index(CELL) in found
    assert len(found) > 1
    forms = {index: space.canonical(cells.frame["arch"][index]) for index in range(0, 15_625, 50)}
    forms |= {index: space.canonical(cells.frame["arch"][index]) for index in found}
    assert {index for index in forms if forms[index] == space.canonical(CELL)} == set(found)
    assert cells.isomorphs(found[-1]) == found
    means = {cells.query(index, "cifar10/ori-test", 200).mean for index in found}
    assert len(means) == len(found)


def network(width: int) -> str:
    net = {"block_type": "res_basic_block", "bot_muls": [], "num_gs": []}
    net |= {"ds": [1, 1, 2, 1], "ws": [16, width, 32, 64], "ss": [1, 1, 2, 2]}
    return from_record("nds_resnet", net)


def test_an_architecture_that_was_trained_twice_has_no_single_answer():
    frame = pd.DataFrame(
        {
            "index": [0, 1, 2],
            "arch": [network(16), network(24), network(16)],
            "cifar10/test/100": [90.0, 91.0, 92.0],
        }
    )
    table = BenchmarkTable(frame, "nds_resnet")
    with pytest.raises(NaswotError, match=r"2 times, .* ask by one of the indices 0, 2\."):
        table.query(network(16), "cifar10/test", 100)
    assert table.isomorphs(network(16)) == (0, 2)
    assert table.query(2, "cifar10/test", 100).mean == 92
    spaced = json.dumps(json.loads(network(24)), indent=1)
    with pytest.raises(NaswotError, match=r"no architecture written as .* isomorphs\(…\) finds"):
        table.query(spaced, "cifar10/test", 100)
    assert table.isomorphs(spaced) == (1,)


def test_a_file_tells_its_space_by_its_name_or_metadata(cells, tmp_path):
    for name, metadata in (("nasbench201.parquet", {}), ("a.parquet", {"space": "nasbench201"})):
        write_parquet(cells.frame, tmp_path / name, metadata)
        assert naswot.open_table(tmp_path / name).space.name == "nasbench201"
    write_parquet(cells.frame, tmp_path / "b.parquet", {})
    assert len(naswot.open_table(tmp_path / "b.parquet", "nasbench201")) == 15_625
    with pytest.raises(NaswotError, match="does not say of which space it is: name it, space=…"):
        naswot.open_table(tmp_path / "b.parquet")
    with pytest.raises(NaswotError, match="There is no search space 'more'; there are: nasbench"):
        naswot.open_table(tmp_path / "b.parquet", "more")
    with pytest.raises(NaswotError, match=r"c\.parquet does not exist"):
        naswot.open_table(tmp_path / "c.parquet")
    (tmp_path / "nds_data.zip").touch()
    with pytest.raises(NaswotError, match="tables of several spaces: name one, space=…, of nds_"):
        naswot.open_table(tmp_path / "nds_data.zip")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(NaswotError, match="is none of the files of benchmarks; these are read"):
        naswot.open_table(tmp_path / "notes.txt")


def test_official_files_can_be_asked_too(mirror):
    folder = "NATS-sss-v1_0-50262-simple"
    path = mirror / "official_format/nats_bench/fake_torch_dir" / folder
    table = naswot.open_table(path)
    assert table.space.name == "natsbench_sss"
    found = table.query(11, "cifar10/ori-test", 90)
    assert found.mean == nats_bench.read(path, "sss").loc[11, "cifar10/ori-test/90"]
    assert found.per_seed == (found.mean,)


def test_the_mirror_has_the_published_accuracies(mirror):
    """94.37 % is the best test accuracy on CIFAR-10 that the paper of NAS-Bench-201 gives."""
    table = naswot.open_table(mirror / "nasbench201.parquet")
    best = table.accuracies("cifar10/ori-test", 200).idxmax()
    assert table.query(best, "cifar10/ori-test", 200).mean == pytest.approx(94.37, abs=0.005)
    half, whole = (
        table.query(best, key, 200).mean for key in ("cifar10-valid/ori-test", "cifar10/ori-test")
    )
    assert half < whole
    assert set(table.isomorphs(best)) >= {best}
