"""One rule says which of several accuracies stands for a dataset, wherever one is shown."""

import numpy as np
import pandas as pd
import pytest

from naswot.analysis.comparison import reported_key
from naswot.benchmarks.datasets import DATASETS, Dataset
from naswot.benchmarks.table import reported_accuracy
from naswot.io.parquet import read_metadata, write_parquet
from naswot.reporting import interactive
from naswot.stages.ablate import select_ablation_networks
from naswot.stages.kernels import accuracy_key

VALID, TEST = "cifar10-valid/x-valid/200", "cifar10/ori-test/200"
PLOTTED = "cifar10-valid/ori-test/200"  # by the authors' code
ABOUT = DATASETS["nasbench201"]["cifar10"]


@pytest.mark.parametrize(
    ("counts", "first", "expected"),
    [
        ({VALID: 5, TEST: 5}, "plotted", VALID),
        ({TEST: 5, VALID: 5}, "plotted", VALID),
        ({VALID: 5, TEST: 5}, "test", TEST),
        ({VALID: 5, TEST: 4}, "test", VALID),
        ({VALID: 4, TEST: 5}, "plotted", TEST),
        ({TEST: 1}, "plotted", TEST),
        ({VALID: 5, TEST: 5, PLOTTED: 5}, "plotted", PLOTTED),
        ({VALID: 5, TEST: 5, PLOTTED: 5}, "test", TEST),
        ({"cifar10/ori-test/12": 9}, "test", None),
        ({}, "plotted", None),
    ],
)
def test_the_more_frequent_accuracy_stands_for_a_dataset(counts, first, expected):
    assert ABOUT.reported(counts, first) == expected


def test_the_epochs_of_an_accuracy_may_be_open_and_others_may_stand_in():
    about = Dataset("imagenet", None, "ImageNet/test")
    assert about.reported({"ImageNet/test/250": 3}, "plotted") == "ImageNet/test/250"
    others = {"cifar10/ori-test/12": 3, "cifar10-valid/x-valid/12": 4}
    assert ABOUT.reported(others, "test", others=others) == "cifar10-valid/x-valid/12"


def test_all_figures_of_scores_stand_on_one_accuracy(tmp_path, monkeypatch):
    """Figures 1, 3, 4 and 5 and the plot to explore, where a table knows all accuracies."""
    path = tmp_path / "nasbench201.parquet"
    numbers = np.random.default_rng(0).random((3, 10)) * 100
    table = pd.DataFrame({"index": range(10), "arch": "|none~0|"})
    table[[VALID, TEST, PLOTTED]] = numbers.T
    write_parquet(table.assign(score=1.0), path, {"space": "nasbench201", "score": "naswot"})
    rows = pd.DataFrame({"accuracy": [TEST, VALID, PLOTTED], "n": 10})
    select_ablation_networks(
        path,
        tmp_path / "chosen.parquet",
        space="nasbench201",
        dataset=ABOUT,
        choice="random",
        count=2,
        seed=0,
    )
    explored = []
    monkeypatch.setattr(interactive, "_details", lambda *_: "")
    plot = interactive._plot
    monkeypatch.setattr(
        interactive,
        "_plot",
        lambda source, key, *more: explored.append(key) or plot(source, key, *more),
    )
    interactive.plots([("cifar10", path)], seed=0)
    assert {
        accuracy_key(table, "nasbench201", ABOUT),
        reported_key(rows, ABOUT),
        read_metadata(tmp_path / "chosen.parquet")["accuracy"],
        *explored,
    } == {PLOTTED}
    assert reported_accuracy(path, ABOUT, "test").name == TEST  # what searches found
