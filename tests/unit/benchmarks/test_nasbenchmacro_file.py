"""NAS-Bench-Macro's JSON file, and the compact table of it."""

import json

import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.nasbenchmacro import ACCURACY, FILE, read, read_mirror
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet

ENTRY = BUILT_IN["nasbenchmacro"]
# Two entries as published (github.com/xiusu/NAS-Bench-Macro), but for digits beyond float32.
PUBLISHED = {
    "22212202": {
        "test_acc": [93.279999, 93.329994, 92.769997],
        "mean_acc": 93.126663,
        "std": 0.253026,
        "params": 1985514,
        "flops": 85164544,
    },
    "00000000": {
        "test_acc": [45.32, 45.329998, 45.439999],
        "mean_acc": 45.363332,
        "std": 0.054065,
        "params": 387882,
        "flops": 7713280,
    },
}


def written(folder, content):
    (folder / FILE).write_text(json.dumps(content))
    return folder / FILE


def made_up() -> dict:
    """Return a whole file of made-up accuracies."""
    return {
        arch: {
            "test_acc": [index % 90 + 1.0, index % 90 + 2.0, index % 90 + 3.0],
            "mean_acc": index % 90 + 2.0,
            "std": 0.816,
            "params": 8,
            "flops": 9,
        }
        for index, arch in enumerate(ENTRY.space.architectures())
    }


def test_entries_are_read_in_the_order_of_architectures(tmp_path):
    table = read(written(tmp_path, PUBLISHED))
    assert list(table["arch"]) == ["00000000", "22212202"]
    assert list(table["index"]) == [0, int("22212202", 3)]
    best = table.iloc[1]
    np.testing.assert_array_equal(best[f"{ACCURACY}/per-seed"], PUBLISHED["22212202"]["test_acc"])
    assert best[ACCURACY] == pytest.approx(PUBLISHED["22212202"]["mean_acc"], abs=1e-5)
    assert best[f"{ACCURACY}/std"] == pytest.approx(PUBLISHED["22212202"]["std"], abs=1e-4)
    assert (best["params"], best["flops"]) == (1_985_514, 85_164_544)


def test_a_whole_file_serves_as_a_mirror(tmp_path):
    written(tmp_path, dict(reversed(made_up().items())))
    convert_benchmark(ENTRY, tmp_path, tmp_path / "table.parquet")
    table = read_parquet(tmp_path / "table.parquet")
    assert list(table["arch"]) == list(ENTRY.space.architectures())
    assert table.loc[91, ACCURACY] == 3.0
    about = read_metadata(tmp_path / "table.parquet")
    assert about["source_file"] == FILE
    assert "best test accuracy of 50 epochs" in about["source"]


def test_the_compact_table_has_the_same_content(mirror, tmp_path):
    line = convert_benchmark(ENTRY, mirror, tmp_path / "nasbenchmacro.parquet")
    assert "6,561 architectures; best: cifar10/test/50 93.13" in line
    table = read_parquet(tmp_path / "nasbenchmacro.parquet")
    original = pd.read_parquet(mirror / "nasbenchmacro.parquet")
    np.testing.assert_allclose(table[ACCURACY], original["cifar10/test/mean"], atol=1e-9)
    np.testing.assert_allclose(table[f"{ACCURACY}/std"], original["std"], atol=1e-9)
    again = read_mirror(tmp_path / "nasbenchmacro.parquet")  # our own form serves as a mirror
    pd.testing.assert_frame_equal(again, table)
    few = read(written(tmp_path, PUBLISHED))
    same = table.set_index("arch").loc[few["arch"]]
    np.testing.assert_allclose(few[ACCURACY], same[ACCURACY], atol=1e-5)
    assert list(few["flops"]) == list(same["flops"])


def changed(**values) -> dict:
    return {"00000000": PUBLISHED["00000000"] | values}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "is not a dictionary of architectures"),
        ({}, "is not a dictionary of architectures"),
        ({"0000000x": PUBLISHED["00000000"]}, "the digit of layer 8 is 'x'"),
        ({"00000000": 3}, "the entry of 00000000 is not one of NAS-Bench-Macro"),
        (changed(test_acc=[45.3, 45.4]), "'mean_acc' is not the mean of 3 accuracies"),
        (changed(mean_acc=93.1), "'mean_acc' is not the mean of 3 accuracies"),
        (changed(test_acc="high"), "the entry of 00000000"),
        (changed(flops=7.5), "'params' or 'flops' is not a whole number"),
        ({"00000000": {"test_acc": [1, 2, 3]}}, "KeyError: 'mean_acc'"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, message):
    with pytest.raises(NaswotError, match=message) as caught:
        read(written(tmp_path, content))
    assert FILE in str(caught.value)


def test_a_damaged_file_is_named(tmp_path):
    with pytest.raises(NaswotError, match="does not exist"):
        read(tmp_path / FILE)
    (tmp_path / FILE).write_text('{"00000000": ')
    with pytest.raises(NaswotError, match="is not JSON"):
        read(tmp_path / FILE)
    few = pd.DataFrame({"arch": ["0000000"], "params": [1], "flops": [1]})
    few = few.assign(**{f"cifar10/test/seed{seed}": [50.0] for seed in range(3)})
    write_parquet(few, tmp_path / "nasbenchmacro.parquet", {})
    with pytest.raises(NaswotError, match=r"nasbenchmacro\.parquet: .* 7 characters instead of 8"):
        read_mirror(tmp_path / "nasbenchmacro.parquet")
    write_parquet(few.drop(columns="flops"), tmp_path / "nasbenchmacro.parquet", {})
    with pytest.raises(NaswotError, match="has no column 'flops'"):
        read_mirror(tmp_path / "nasbenchmacro.parquet")
