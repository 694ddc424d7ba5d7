"""What searches see of a benchmark table, and what it costs."""

import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks.datasets import DATASETS, Dataset
from naswot.benchmarks.fitness import UnsearchableError, read_fitness
from naswot.errors import NaswotError
from naswot.io.parquet import read_parquet, write_parquet

CIFAR10 = DATASETS["nasbench201"]["cifar10"]
NB101 = DATASETS["nasbench101"]["cifar10"]
ASKED = {"epochs": 12, "budget_s": 12000, "evaluations": 106}
KEY = "cifar10-valid/x-valid"


@pytest.fixture
def table(tmp_path):
    def write(**columns):
        path = tmp_path / "table.parquet"
        frame = pd.DataFrame({"index": range(3), "arch": ["a", "b", "c"]} | columns)
        write_parquet(frame, path, {"space": "toy"})
        return path

    return write


def test_the_fitness_is_the_twelve_epoch_accuracy_and_costs_training_and_measuring(table):
    path = table(
        **{
            f"{KEY}/200": [90.0, 91.0, 92.0],
            f"{KEY}/12": [70.0, 71.0, 72.0],
            "cifar10-valid/train-seconds-per-epoch": [5.0, 6.0, 7.0],
            "cifar10-valid/eval-seconds": [1.0, 2.0, 3.0],
        }
    )
    found = read_fitness(path, CIFAR10, **ASKED)
    assert found.key == f"{KEY}/12"
    assert found.epochs == (12,)
    assert found.values.tolist() == [[70, 71, 72]]
    assert found.cost.tolist() == [[61, 74, 87]]
    assert (found.budget, found.unit, found.note) == (12000, "s", "")


def test_another_length_of_training_is_said_and_buys_as_many_trainings(table):
    seconds = {"cifar10-valid/train-seconds-per-epoch": [5.0, 6.0, 7.0]}
    path = table(**{f"{KEY}/200": [90.0, 91.0, 92.0]} | seconds)
    found = read_fitness(path, CIFAR10, **ASKED)
    assert found.key == f"{KEY}/200"
    assert found.cost.tolist() == [[1000, 1200, 1400]]
    assert found.budget == 200_000
    assert "after 200 epochs instead of 12" in found.note
    assert "no seconds of measuring" in found.note


def test_shorter_trainings_come_from_the_curve(table):
    curves = [np.arange(12) + 10.0 * row for row in range(3)]
    path = table(
        **{
            f"{KEY}/12": [11.0, 21.0, 31.0],
            f"{KEY}/12/per-epoch": curves,
            f"{KEY}/4": [0.0, 0.0, 0.0],  # another training, of which there is no need
            "cifar10-valid/train-seconds-per-epoch": [1.0, 1.0, 1.0],
        }
    )
    found = read_fitness(path, CIFAR10, **ASKED, eta=3)
    assert found.epochs == (1, 4, 12)
    assert found.values.tolist() == [[0, 10, 20], [3, 13, 23], [11, 21, 31]]
    assert found.cost[:, 0].tolist() == [1, 4, 12]
    assert read_fitness(path, CIFAR10, **ASKED).epochs == (12,)


def test_shorter_trainings_of_their_own_serve_too(table):
    columns = {f"cifar10/valid/{epochs}": [1.0, 2.0, np.nan] for epochs in (4, 12, 36, 108)}
    path = table(**columns | {"train-seconds/108": [1080.0, 2160.0, 1080.0]})
    found = read_fitness(path, NB101, **ASKED, eta=3)
    assert found.epochs == (4, 12)
    assert found.index.tolist() == [0, 1]
    assert found.cost.tolist() == [[40, 80], [120, 240]]
    assert "12 epochs cost their share of the seconds of 108" in found.note
    assert "among the 2 architectures whose fitness the table knows" in found.note


def test_columns_beside_are_no_times_and_short_curves_no_accuracies(table):
    columns = {f"cifar10/valid/{epochs}": [1.0, 2.0, 3.0] for epochs in (12, 108)}
    beside = {"train-seconds/12/per-seed": [[1.0]] * 3, "train-seconds/12": [10.0, 20.0, 30.0]}
    curves = {"cifar10/valid/12/per-epoch": [[1.0], list(range(12)), None]}
    found = read_fitness(table(**columns | beside | curves), NB101, **ASKED, eta=3)
    assert found.cost[-1].tolist() == [20]
    assert found.index.tolist() == [1]


def test_without_times_a_budget_counts_trainings(table):
    found = read_fitness(table(**{f"{KEY}/12": [1.0, 2.0, 3.0]}), CIFAR10, **ASKED)
    assert (found.budget, found.unit) == (106, "trainings")
    assert found.cost.tolist() == [[1, 1, 1]]


def test_a_test_accuracy_is_searched_by_only_on_demand(table):
    path = table(**{"cifar10/test/100": [1.0, 2.0, 3.0]})
    nds = Dataset("cifar10", None, "cifar10/test/100")
    with pytest.raises(UnsearchableError, match="no validation accuracies"):
        read_fitness(path, nds, **ASKED)
    found = read_fitness(path, nds, **ASKED, key="cifar10/test/100")
    assert found.values.tolist() == [[1, 2, 3]]
    assert "user's choice" in found.note
    with pytest.raises(NaswotError, match="has no accuracy 'cifar10/test/90'"):
        read_fitness(path, nds, **ASKED, key="cifar10/test/90")


def test_a_fitness_that_is_nowhere_known_is_no_fitness(table):
    with pytest.raises(UnsearchableError, match="of no architecture"):
        read_fitness(table(**{f"{KEY}/12": [np.nan] * 3}), CIFAR10, **ASKED)


def test_nasbench201_is_searched_on_cifar10_and_the_sizes_on_the_dataset_itself():
    all_three = ["cifar10", "cifar100", "imagenet16_120"]
    assert DATASETS["nasbench201"]["cifar100"].searched_on(all_three) == "cifar10"
    assert DATASETS["nasbench201"]["cifar100"].searched_on(["cifar100"]) == "cifar100"
    assert DATASETS["natsbench_sss"]["cifar100"].searched_on(all_three) == "cifar100"


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16_120"])
def test_a_mirror_knows_what_measuring_costs(mirror, dataset):
    path = mirror / "nasbench201.parquet"
    about = DATASETS["nasbench201"][dataset]
    found = read_fitness(path, about, **ASKED)
    assert found.note == ""
    name, table = about.valid.split("/")[0], read_parquet(path)
    seconds = 12 * table[f"{name}/train-seconds-per-epoch"] + table[f"{name}/eval-seconds"]
    np.testing.assert_allclose(found.cost, [seconds])
