"""What trained networks scored becomes a benchmark table, and the paper's claims are judged."""

import numpy as np
import pandas as pd
import pytest

from naswot.analysis.correlation import Correlation
from naswot.analysis.evolution import claims_of, ranked, reduction, track_score
from naswot.benchmarks.convert import convert_benchmark
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.spaces import SPACES
from naswot.training.benchmark import collect_trained, select_networks
from naswot.workflow.custom_spaces import catalogue_of

TRAINING = {"images": "digits", "valid_images": 40, "epochs": 4}
SETTINGS = {"accuracy": "cifar10-valid/x-valid/200", "above": 90.0, "reduced": None}
EPOCHS = [0, 0.5, 1, 1.5, 2, 3, 4]


def trained(scores=None, **columns) -> pd.DataFrame:
    """Return what a training gives, with made-up numbers."""
    looks = {"epoch": EPOCHS, "steps": [2 * int(2 * epoch) for epoch in EPOCHS]}
    looks |= {"score": EPOCHS if scores is None else scores, "seconds": [2 * e for e in EPOCHS]}
    looks |= {"valid_accuracy": [20 * epoch for epoch in EPOCHS], "eval_seconds": 0.5}
    looks |= {"test_accuracy": [10 + 20 * epoch for epoch in EPOCHS], "train_loss": 1.0}
    return pd.DataFrame(looks | {"score_eval": looks["score"]} | columns)


ABOUT = {
    "images": "digits",
    "training_epochs": 4,
    "train_images": 80,
    "image_size": 8,
    "seed": 0,
    "space": "mine",
}


def test_a_space_to_train_is_a_draw_of_another_with_its_networks():
    about = {"networks": "nasbench201", "train": 5}
    catalogue = catalogue_of({"mine": about, "more": about | {"train": 9}}, TRAINING, seed=1)
    space, whole = catalogue["mine"].space, SPACES["nasbench201"]
    assert len(set(space.architectures())) == space.size == 5
    assert catalogue["more"].space.architectures()[:5] == space.architectures()
    assert set(space.architectures()) < set(whole.architectures())
    assert (space.build, space.genes) == (whole.build, whole.genes)
    dataset = catalogue["mine"].datasets["custom"]
    assert (dataset.valid, dataset.test) == ("digits/valid/4", "digits/test/4")


def test_the_networks_to_train_may_be_listed(tmp_path):
    (tmp_path / "list.csv").write_text("arch\n64:8:8:8:8\n8:8:8:8:8\n")
    (tmp_path / "space.py").write_text("def build(arch): ...")
    for networks in ("natsbench_sss", str(tmp_path / "space.py")):
        about = {"networks": networks, "train": str(tmp_path / "list.csv")}
        entry = catalogue_of({"mine": about}, TRAINING | {"valid_images": 0})["mine"]
        assert entry.space.architectures() == ("64:8:8:8:8", "8:8:8:8:8")
    assert entry.datasets["custom"].valid is None


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({}, "custom_spaces.mine needs either accuracies, a CSV file, or train"),
        ({"train": 3, "accuracies": "a.csv"}, "custom_spaces.mine needs either"),
        (
            {"train": 20_000},
            "custom_spaces.mine.train = 20000 is not allowed; nasbench201 has 15,625",
        ),
        ({"train": 3, "networks": "nasbench101"}, "no list of these networks exists"),
        ({"train": "none.csv"}, "custom_spaces.mine.train = 'none.csv': there is no such file"),
    ],
)
def test_a_mistake_in_what_to_train_is_named(about, message):
    with pytest.raises(NaswotError, match=message):
        catalogue_of({"mine": {"networks": "nasbench201"} | about}, TRAINING)


def test_a_space_cannot_be_called_like_the_trainings_of_figure_6():
    with pytest.raises(NaswotError, match=r"custom_spaces\.figure6: there is a space of this name"):
        catalogue_of({"figure6": {"networks": "nasbench201", "train": 3}}, TRAINING)


@pytest.fixture
def mine():
    """Return the entry of a space of which three networks are trained."""
    about = {"networks": "nasbench201", "train": 3}
    return catalogue_of({"mine": about}, TRAINING)["mine"]


@pytest.fixture
def gathered(mine, tmp_path, monkeypatch):
    """Return the table of three trainings, the files in another order than the indices."""
    monkeypatch.chdir(tmp_path)
    files = []
    for index in (2, 0, 1):
        arch = mine.space.architectures()[index]
        files.append(tmp_path / f"{index}.parquet")
        final = [np.nan, 5, 7, 9, 11, 13, 60 + index]
        frame = trained(index=index, arch=arch, valid_accuracy=final)
        write_parquet(frame, files[-1], ABOUT | {"index": index, "settings_hash": str(index)})
    return files


def test_the_table_of_trainings_is_a_benchmark_table(gathered, mine, tmp_path):
    told = collect_trained(gathered, tmp_path / "results/trained/mine.parquet", space=mine.space)
    assert "80 images of digits, 8 pixels wide, 4 epochs" in told
    assert "digits/valid/4 60.0–62.0" in told
    convert_benchmark(mine, None, tmp_path / "table.parquet")  # checks it
    table = read_parquet(tmp_path / "table.parquet")
    assert table["index"].tolist() == [0, 1, 2]
    assert table["digits/valid/4"].tolist() == [60, 61, 62]
    assert table["digits/test/4"].tolist() == [90, 90, 90]
    assert table["digits/valid/4/per-epoch"].iloc[1].tolist() == [7, 11, 13, 61]
    assert table["digits/train-seconds-per-epoch"].tolist() == [2, 2, 2]
    assert table["digits/eval-seconds"].tolist() == [0.5] * 3
    params = [SPACES["nasbench201"].benchmark_params(arch) for arch in table["arch"]]
    assert table["params"].tolist() == params
    assert read_metadata(tmp_path / "table.parquet")["source"].startswith("trained here: 80 images")


def test_without_validation_images_there_are_no_validation_accuracies(gathered, mine, tmp_path):
    for path in gathered:
        frame, about = read_parquet(path), read_metadata(path)
        write_parquet(frame.assign(valid_accuracy=np.nan), path, about)
    collect_trained(gathered, tmp_path / "results/trained/mine.parquet", space=mine.space)
    convert_benchmark(mine, None, tmp_path / "table.parquet")
    named = list(read_parquet(tmp_path / "table.parquet").columns)
    assert [name for name in named if name.startswith("digits/")] == [
        "digits/test/4", "digits/test/4/per-epoch", "digits/train-seconds-per-epoch"
    ]  # fmt: skip


def test_trainings_of_two_kinds_are_not_mixed(gathered, mine, tmp_path):
    write_parquet(read_parquet(gathered[0]), gathered[0], ABOUT | {"train_images": 90})
    message = (
        r"/2\.parquet was trained with train_images = 90, others with 80: delete this one file"
    )
    with pytest.raises(NaswotError, match=message):
        collect_trained(gathered, tmp_path / "table.parquet", space=mine.space)


def test_trainings_of_several_computers_are_gathered(gathered, mine, tmp_path):
    for path, device in zip(gathered, ("cpu", "H100", "H100"), strict=True):
        write_parquet(read_parquet(path), path, ABOUT | {"device": device, "torch": "2.0"})
    collect_trained(gathered, tmp_path / "table.parquet", space=mine.space)
    about = read_metadata(tmp_path / "table.parquet")
    assert (about["device"], about["torch"]) == ("several", "2.0")


def test_a_trained_table_needs_no_training_again(gathered, mine, tmp_path):
    collect_trained(gathered, tmp_path / "results/trained/mine.parquet", space=mine.space)
    before = read_parquet(tmp_path / "results/trained/mine.parquet")
    before.to_parquet(tmp_path / "kept.parquet")
    kept = str(tmp_path / "kept.parquet")
    again = catalogue_of({"again": {"networks": "nasbench201", "accuracies": kept}})["again"]
    assert again.space.architectures() == mine.space.architectures()
    convert_benchmark(again, None, tmp_path / "table.parquet")
    after = read_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(after, before, check_dtype=False)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("64:8:8:8:8\n8:8:8:8:8\n64:8:8:8:8\n", r"row 3: '64:8:8:8:8' repeats row 1"),
        ("64:8:8:8:8\n", "lists 1 architectures; list at least two"),
        ("64:8:8:8:8\n8:8:8\n", r"list\.csv, row 2: .*8:8:8"),
    ],
)
def test_a_list_that_cannot_be_trained_is_named(tmp_path, rows, message):
    (tmp_path / "list.csv").write_text("arch\n" + rows)
    about = {"networks": "natsbench_sss", "train": str(tmp_path / "list.csv")}
    with pytest.raises(NaswotError, match=message):
        catalogue_of({"mine": about}, TRAINING)


@pytest.fixture
def benchmark(tmp_path):
    table = pd.DataFrame({"index": range(40), "arch": [f"a{n}" for n in range(40)]})
    table["cifar10/test/9"] = np.arange(40) + 52.0
    write_parquet(table, tmp_path / "benchmark.parquet", {"space": "nasbench201"})
    return tmp_path / "benchmark.parquet"


def test_networks_are_picked_above_an_accuracy(benchmark, tmp_path):
    drawn = []
    for seed in (0, 0, 1):
        how = {"accuracy": "cifar10/test/9", "above": 80, "least": 5, "seed": seed}
        assert "11 networks with" in select_networks(benchmark, tmp_path / "p.parquet", **how)
        drawn.append(read_parquet(tmp_path / "p.parquet"))
        assert sorted(drawn[-1]["index"]) == list(range(29, 40))
        assert (drawn[-1]["accuracy"] > 80).all()
        assert (drawn[-1]["accuracy"] == drawn[-1]["index"] + 52).all()
    assert drawn[0].equals(drawn[1])
    assert not drawn[0].equals(drawn[2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"least": 12}, "11 networks of .* have cifar10/test/9 above 80 %, and 12 are requested"),
        (
            {"accuracy": "cifar10/valid/9"},
            "figure6.accuracy = 'cifar10/valid/9'.* has cifar10/test/9",
        ),
    ],
)
def test_too_few_networks_and_an_unknown_accuracy_are_named(benchmark, tmp_path, changes, message):
    how = {"accuracy": "cifar10/test/9", "above": 80, "least": 5, "seed": 0}
    with pytest.raises(NaswotError, match=message):
        select_networks(benchmark, tmp_path / "p.parquet", **how | changes)


def verdicts(*curves) -> list[bool | None]:
    frames = [
        trained(curve, network=number, accuracy=90.0 + number)
        for number, curve in enumerate(curves)
    ]
    found = claims_of(pd.concat(frames, ignore_index=True), SETTINGS, 200, 0)
    assert all("nan" not in claim.found for claim in found if claim.confirmed is not None)
    assert [claim.confirmed for claim in found[:5]] == [claim.confirmed for claim in found[5:]]
    return [claim.confirmed for claim in found[:5]]


def jump(start: float, *others: float) -> list[float]:
    """Return a score at each of EPOCHS: at first, after that and, if it differs, at last."""
    after, last = others[0], others[-1]
    return [start, after, after, after, after, after, last]


def test_claims_are_confirmed_where_scores_jump_and_stay():
    curves = [jump(100 + 10 * n, 150 + 10 * n + n % 2) for n in range(10)]
    assert verdicts(*curves) == [True, True, True, True, None]


def test_each_claim_can_fail():
    falling = [jump(100 + 10 * n, 50 + 10 * n) for n in range(10)]
    assert verdicts(*falling) == [False, True, False, True, None]
    one_falls = [jump(100 + 10 * n, 150 + 10 * n if n else 99) for n in range(10)]
    assert verdicts(*one_falls)[0] is False
    still_rising = [jump(100 + 10 * n, 150 + 10 * n, 250 + 10 * n) for n in range(10)]
    assert verdicts(*still_rising)[1] is False
    dissimilar = [jump(100 + 10 * n, 110 + 60 * n) for n in range(10)]
    assert verdicts(*dissimilar) == [True, True, False, True, None]
    reversed_ranks = [jump(100 + n, 200 - n) for n in range(10)]
    assert verdicts(*reversed_ranks)[3] is False


def test_scores_that_are_not_finite_are_counted_and_decide_nothing():
    good = [jump(100 + 10 * n, 150 + 10 * n) for n in range(4)]
    lost = [jump(100, np.nan), jump(-np.inf, 30)]
    frames = [
        trained(curve, network=number, accuracy=91.0) for number, curve in enumerate(good + lost)
    ]
    claims = claims_of(pd.concat(frames, ignore_index=True), SETTINGS, 50, 0)
    assert all("2 networks with scores that are not finite" in claim.found for claim in claims)
    assert verdicts(*([jump(np.nan, np.nan)] * 3)) == [None] * 5


def test_networks_whose_scores_are_lost_leave_a_claim_of_all_open():
    good = [jump(100 + 10 * n, 150 + 10 * n) for n in range(6)]
    lost, fallen = jump(100, np.nan), jump(100, 50)
    assert verdicts(*good)[0] is True
    assert verdicts(*good, lost)[0] is None
    assert verdicts(*good, lost, fallen)[0] is False


@pytest.mark.parametrize(
    ("tau", "low", "high", "verdict"),
    [
        (0.82, 0.5, 1.0, True),
        (0.5, 0.01, 0.9, True),
        (0.56, -0.12, 0.95, None),
        (0.4, 0.1, 0.6, None),
        (0.4, -0.5, 0.5, None),
        (0.1, -0.3, 0.49, False),
    ],
)
def test_a_ranking_is_refuted_by_its_whole_interval_alone(tau, low, high, verdict):
    found = Correlation(10, tau, low, high, tau, 10, tau, 0, 0, 0)
    assert ranked(found) is verdict


def test_a_ranking_of_few_networks_decides_nothing():
    curves = [jump(100 + 10 * n, 150 + 10 * n) for n in range(5)]
    assert verdicts(*curves[:4])[3] is None
    assert verdicts(*curves)[3] is True


def test_each_mode_is_judged_by_itself():
    frames = [
        trained(jump(100 + number, 50 + number), network=number, accuracy=90 + number).assign(
            score_eval=jump(100 + number, 150 + number)
        )
        for number in range(3)
    ]
    claims = claims_of(pd.concat(frames, ignore_index=True), SETTINGS, 50, 0)
    first = [claim for claim in claims if claim.claim.startswith("the score increases")]
    assert [claim.confirmed for claim in first] == [False, True]
    assert first[1].claim.endswith("eval mode")


def test_what_is_less_than_the_paper_says_so():
    paper = ABOUT | {"images": "cifar10", "training_epochs": 100, "train_images": 25_000}
    assert reduction(paper) is None
    assert "100 images of cifar10" in reduction(paper | {"train_images": 100})
    assert "80 images of digits, 8×8 pixels, 4 epochs (paper: CIFAR-10" in reduction(ABOUT)


def test_figure_6_is_drawn_from_the_table_alone(tmp_path, drawn):
    picked = pd.DataFrame({"index": [3, 5], "arch": ["a", "b"], "accuracy": [90.5, 91.5]})
    about = {"accuracy": "cifar10/test/9", "above": 90, "eligible": 40}
    write_parquet(picked, tmp_path / "picked.parquet", about)
    files = []
    for number, curve in enumerate((jump(100, 150), jump(90, np.nan))):
        files.append(tmp_path / f"{number}.parquet")
        frame = trained(curve, index=picked["index"][number], arch=picked["arch"][number])
        write_parquet(frame, files[-1], ABOUT | {"space": "nasbench201"})
    table, claims = tmp_path / "table.parquet", tmp_path / "claims.csv"
    how = {"resamples": 20, "seed": 0}
    track_score(tmp_path / "picked.parquet", files, table, claims, **how)
    rows = read_parquet(table)
    assert rows.groupby("network")["accuracy"].first().tolist() == [90.5, 91.5]
    assert len(pd.read_csv(claims)) == 10
    assert drawn("figure6", {"table": table})
