"""Costs on devices: what HW-NAS-Bench publishes, and what a wrong file says."""

import os
import pickle

import miniatures
import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.hardware import (
    COLUMNS,
    DEVICES,
    FILE,
    OFFICIAL,
    convert_hardware,
    latency_column,
    read,
)
from naswot.costs.sources import latency_source
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.spaces.nasbench201 import architectures

# The sample in the benchmark's own README (GATECH-EIC/HW-NAS-Bench): network 0 on CIFAR-10.
PUBLISHED = {
    "edgegpu/latency-ms": 5.807418537139893,
    "edgegpu/energy-mj": 24.226614330768584,
    "raspi4/latency-ms": 10.481976820010459,
    "edgetpu/latency-ms": 0.9571811309997429,
    "pixel3/latency-ms": 3.6058499999999998,
    "eyeriss/latency-ms": 3.645620000000001,
    "eyeriss/energy-mj": 0.6872827644999999,
    "fpga/latency-ms": 2.57296,
    "fpga/energy-mj": 18.01072,
}


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a table as a mirror's file."""

    def write(table: pd.DataFrame):
        write_parquet(table, tmp_path / FILE, {})
        return tmp_path / FILE

    return write


def test_the_costs_are_those_that_the_benchmark_publishes(mirror, tmp_path):
    convert_hardware(mirror, tmp_path / "costs.parquet")
    costs = read_parquet(tmp_path / "costs.parquet")
    assert len(costs) == 15_625
    assert {name: costs[f"cifar10/{name}"][0] for name in PUBLISHED} == PUBLISHED
    missing = costs.isna().sum()
    assert missing[missing > 0].to_dict() == {
        latency_column(dataset, "edgetpu"): 4_699 for dataset in DATASETS["nasbench201"].values()
    }
    assert read_metadata(tmp_path / "costs.parquet")["source"].startswith("HW-NAS-Bench")


def test_every_data_set_and_device_has_a_column(written):
    shuffled = miniatures.hardware().sample(frac=1, random_state=0)
    costs = read(written(shuffled))
    for dataset in DATASETS["nasbench201"].values():
        for device in DEVICES:
            assert latency_column(dataset, device) in costs
    assert costs["index"].tolist() == list(range(15_625))
    refused = costs["cifar100/edgetpu/latency-ms"].isna()
    assert np.flatnonzero(refused).tolist() == list(range(0, 15_625, 3))
    sorted_again = shuffled.sort_values("index")
    for name, column in COLUMNS.items():
        if "edgetpu" not in name:
            assert (costs[column].to_numpy() == sorted_again[name].to_numpy()).all()


def changed(index, column, value):
    table = miniatures.hardware()
    table.loc[index, column] = value
    return table


WRONG = {
    "a column is missing": (
        lambda: miniatures.hardware().drop(columns="cifar100/pixel3_latency"),
        "has no column 'cifar100/pixel3_latency'",
    ),
    "an architecture is missing": (
        lambda: miniatures.hardware().drop(index=[284, 9_930]),
        r"lacks 2 of the 15,625 architectures of nasbench201, such as \|skip_.*\(index 284\)",
    ),
    "an architecture is there twice": (
        lambda: pd.concat([miniatures.hardware(), miniatures.hardware().iloc[[7]]]),
        "index 7 is there twice",
    ),
    "an architecture is of another space": (
        lambda: pd.concat([miniatures.hardware(), miniatures.hardware()[:1].assign(index=15_625)]),
        "index 15625 is there twice, or is not of nasbench201",
    ),
    "no time at all": (
        lambda: changed(11, "cifar10/fpga_latency", 0.0),
        "cifar10/fpga/latency-ms of the architecture with index 11 is 0",
    ),
    "negative energy": (
        lambda: changed(12, "cifar10/fpga_energy", -3.0),
        "cifar10/fpga/energy-mj of the architecture with index 12 is -3",
    ),
    "words": (
        lambda: miniatures.hardware().assign(**{"cifar10/raspi4_latency": "fast"}),
        "cifar10/raspi4/latency-ms does not hold numbers",
    ),
    "no index": (
        lambda: miniatures.hardware().assign(index=0.5),
        "'index' does not hold a whole number",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_file_is_named(written, wrong):
    make, message = WRONG[wrong]
    path = written(make())
    with pytest.raises(NaswotError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("folder", [None, "empty"])
def test_a_missing_file_says_where_it_comes_from(tmp_path, folder):
    mirror = folder and tmp_path / folder
    with pytest.raises(NaswotError, match=r"HW-NAS-Bench \(Li et al., ICLR 2021\)") as error:
        convert_hardware(mirror, tmp_path / "costs.parquet")
    assert f"{FILE} or {OFFICIAL}" in str(error.value)
    assert not (tmp_path / "costs.parquet").exists()


@pytest.mark.parametrize(("protocol", "as_lists"), [(2, False), (4, False), (4, True)])
def test_the_benchmarks_own_file_has_the_same_costs(tmp_path, written, protocol, as_lists):
    content = miniatures.hw_nas_bench(as_lists)
    (tmp_path / OFFICIAL).write_bytes(pickle.dumps(content, protocol))
    found = read(tmp_path / OFFICIAL)
    pd.testing.assert_frame_equal(found, read(written(miniatures.hardware())))
    assert tuple(found["arch"]) == architectures()


def test_the_table_comes_before_the_benchmarks_own_file(tmp_path, written):
    (tmp_path / OFFICIAL).write_bytes(pickle.dumps(miniatures.hw_nas_bench()))
    convert_hardware(tmp_path, tmp_path / "costs.parquet")
    assert read_metadata(tmp_path / "costs.parquet")["source_file"] == OFFICIAL
    written(miniatures.hardware())
    convert_hardware(tmp_path, tmp_path / "costs.parquet")
    assert read_metadata(tmp_path / "costs.parquet")["source_file"] == FILE


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def shortened() -> dict:
    content = miniatures.hw_nas_bench()
    content["nasbench201"]["cifar100"]["pixel3_latency"] = np.ones(15_624)
    return content


def misplaced() -> dict:
    content = miniatures.hw_nas_bench()
    configs = content["nasbench201"]["cifar10"]["config"]
    configs[284], configs[285] = configs[285], configs[284]
    return content


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"nasbench201": Malicious()}, r"it tries to import posix\.system"),
        (lambda: {"fbnet": {}}, "is not HW-NAS-Bench .*KeyError: 'nasbench201'"),
        (lambda: 7, "is not HW-NAS-Bench"),
        (lambda: {"nasbench201": {"cifar10": {"config": []}}}, "IndexError"),
        (shortened, r"cifar100/pixel3_latency has \(15624,\) numbers"),
        (misplaced, "at index 284 instead of"),
    ],
)
def test_a_pickle_that_is_not_the_benchmarks_is_refused(tmp_path, monkeypatch, make, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / OFFICIAL).write_bytes(pickle.dumps(make()))
    with pytest.raises(NaswotError, match=message) as error:
        read(tmp_path / OFFICIAL)
    assert OFFICIAL in str(error.value)
    assert not (tmp_path / "pwned").exists()


def test_latencies_are_looked_up_in_the_converted_table(tmp_path, written):
    written(miniatures.hardware())
    convert_hardware(tmp_path, tmp_path / "costs.parquet")
    costs = read_parquet(tmp_path / "costs.parquet")
    archs = architectures()[3:5]
    for device, known in (("raspi4", archs), ("edgetpu", archs[1:])):  # it refuses every third
        column = f"cifar10/{device}/latency-ms"
        source = latency_source(f"{tmp_path / 'costs.parquet'}:{column}")
        found = source.measure(dict.fromkeys(archs), (3, 32, 32), None)
        for index, arch in enumerate(archs, 3):
            if arch in known:
                assert found[arch].median_ms == costs[column][index]
            else:
                assert str(found[arch]).endswith(f"has no latency of {arch}.")
