"""What NASWOT finds when the best networks have other initial weights."""

import numpy as np
import pandas as pd
import pytest
import torch

from naswot import score
from naswot.benchmarks.catalogue import BUILT_IN
from naswot.images.drawing import MiniBatch
from naswot.io.parquet import read_parquet, write_parquet
from naswot.spaces import SPACES
from naswot.spaces.nasbench201 import architectures, build
from naswot.stages.vary_initialisation import score_again, vary_initialisation
from naswot.tables.batch import write_batch

VALID, TEST = "cifar10-valid/x-valid/200", "cifar10/ori-test/200"


def joined_table(path, scores, valid):
    archs = list(architectures()[: len(scores)])
    table = pd.DataFrame({"index": range(len(scores)), "arch": archs, "score": scores})
    table = table.assign(**{VALID: valid, TEST: np.asarray(valid) + 1})
    write_parquet(table, path, {"space": "nasbench201", "score": "naswot"})
    return path


def test_the_best_networks_are_scored_each_by_itself(tmp_path):
    images = np.random.default_rng(0).normal(size=(8, 3, 8, 8)).astype(np.float32)
    batch = MiniBatch(images, np.arange(8) % 2, 2, False)
    write_batch(batch, tmp_path / "batch.npz", {}, "noise")
    scores = [1.0, 5.0, -np.inf, 7.0, 3.0, np.nan]
    joined_table(tmp_path / "joined.parquet", scores, range(6))
    output = tmp_path / "again.parquet"
    score_again(
        tmp_path / "joined.parquet",
        tmp_path / "batch.npz",
        output,
        space=SPACES["nasbench201"],
        networks=2,
        seed=3,
        precision="float32",
        relu_count="once",
        device="cpu",
    )
    found = read_parquet(output)
    assert list(found["index"]) == [1, 3]
    for arch, value in zip(found["arch"], found["naswot"], strict=True):
        torch.manual_seed(3)
        np.testing.assert_equal(value, score(build(arch), torch.from_numpy(images)).value)


def test_networks_that_were_not_scored_again_keep_their_scores_and_are_counted(tmp_path):
    accuracies = [10.0, 20.0, 30.0, 40.0]
    joined = joined_table(tmp_path / "joined.parquet", [4.0, 3.0, 2.0, 1.0], accuracies)
    again = tmp_path / "1.parquet"
    write_parquet(pd.DataFrame({"index": [0, 1], "naswot": [1.5, 2.5]}), again, {})
    worse = tmp_path / "2.parquet"
    write_parquet(pd.DataFrame({"index": [0, 1], "naswot": [-np.inf, 1.5]}), worse, {})
    output = tmp_path / "initialisations.csv"
    vary_initialisation(
        [("cifar10", joined, [again, worse])],
        output,
        sample_sizes=[1, 4],
        n_runs=200,
        seed=0,
        catalogue=BUILT_IN,
    )
    table = pd.read_csv(output).set_index(["sample_size", "accuracy", "initialisation"])
    assert table.loc[(4, VALID, 0), ["mean", "outside"]].tolist() == [10.0, 0.0]
    assert table.loc[(4, VALID, 1), ["mean", "outside"]].tolist() == [20.0, 0.0]
    assert table.loc[(4, TEST, 1), "mean"] == 21.0
    # The third, which was not scored again, is best now.
    assert table.loc[(4, VALID, 2), ["mean", "outside"]].tolist() == [30.0, 1.0]
    # A single draw chooses what it draws, so half of the runs choose what was not scored again.
    assert table.loc[(1, VALID, 0), "mean"] == table.loc[(1, VALID, 1), "mean"]
    assert table.loc[(1, VALID, 1), "outside"] == pytest.approx(0.5, abs=0.1)
