"""Kernels in bands of accuracy: exact, as they were scored, and measured as naive loops do."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import oracle
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from naswot.analysis.correlation import correlate
from naswot.analysis.similarity import (
    high_similarity,
    measure_similarity,
    statistics,
    superiority,
)
from naswot.benchmarks.datasets import DATASETS
from naswot.errors import NaswotError
from naswot.io.npz import write_arrays
from naswot.io.parquet import read_parquet, write_parquet
from naswot.plots import figure1
from naswot.plots.registry import kernel_runs
from naswot.runtime.progress import Progress
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, Options
from naswot.spaces import SPACES
from naswot.stages.join import join
from naswot.stages.kernels import compute_kernels, cut_into_bands, draw, seriation
from naswot.stages.score import score_architectures, score_networks
from naswot.tables.kernels import NOT_A_NUMBER, read_kernels

SPACE, DATA = SPACES["nasbench201"], DATASETS["nasbench201"]
KEY = "cifar10-valid/x-valid/200"


@pytest.fixture
def scored(tmp_path, noise):
    """Return the joined table, the order and the mini-batch of seven scored architectures.

    The last is scored by the first, which the sample lacks; the fifth scores −inf.
    """
    archs = [SPACE.architectures()[index] for index in (0, 5000, 1462, 9999, 15624, 300, 12)]
    archs[4] = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    order = pd.DataFrame({"index": range(7), "arch": archs, "representative": range(7)})
    order.loc[6, "representative"] = 0
    images = noise(8, 8)
    batch = Batch(images, torch.zeros(8, dtype=torch.int64), 10)
    options = Options("float32", "once")
    scores = score_architectures(
        order[["index", "arch"]][:6], SPACE.build, batch, FAMILIES["naswot"], 3,
        Progress("", 6, ""), options,
    )  # fmt: skip
    accuracies = pd.DataFrame(
        {"index": range(7), "arch": archs, KEY: [80.0, 90.0, 70.0, 85.0, 9.7, 88.0, 60.0]}
    )
    joined = join(order[1:], scores, accuracies, "naswot")
    about = {"space": "nasbench201", "images": "noise", "seed": 3, "batch_size": 8}
    about |= {"precision": "float32", "relu_count": "once"}
    paths = [tmp_path / name for name in ("joined.parquet", "order.parquet", "batch.npz")]
    write_parquet(joined, paths[0], about)
    write_parquet(order, paths[1], {})
    labels = np.zeros(8, np.int64)
    write_arrays(
        paths[2], {"classes": 10, "true_labels": False}, images=images.numpy(), labels=labels
    )
    return paths, joined.set_index("index"), archs, images


@pytest.fixture
def kernels(scored, tmp_path):
    compute_kernels(
        *scored[0],
        tmp_path / "k.npz",
        space=SPACE,
        dataset=DATASETS["nasbench201"]["cifar10"],
        bands=2,
        networks=9,
    )
    return read_kernels(tmp_path / "k.npz")


def test_the_score_of_a_kernel_is_the_joined_score(scored, kernels):
    _, joined, _, _ = scored
    assert sorted(kernels.index) == [1, 2, 3, 4, 5, 6]
    for row, index in enumerate(kernels.index):
        units = kernels.units[row]
        value = torch.linalg.slogdet(torch.from_numpy(kernels.matrix(row) * units).round())[1]
        assert value.item() == joined.at[index, "score"] == kernels.score[row]
        assert units == joined.at[index, "relu_units"]
        assert kernels.accuracy[row] == joined.at[index, KEY]
    assert np.isneginf(kernels.score).sum() == 1


def test_a_shard_beyond_the_last_architecture_is_empty(scored, tmp_path):
    (_, order, batch), *_ = scored
    about = {"space": SPACE, "images": "noise", "family": "naswot", "seed": 3}
    bounds = {"first": 9, "last": 20, "sample": 20}
    options = {"precision": "float32", "relu_count": "once", "device": "cpu"}
    score_networks(order, batch, tmp_path / "0009.parquet", **about, **bounds, **options)
    found = read_parquet(tmp_path / "0009.parquet")
    assert len(found) == 0
    assert {"index", "arch", "naswot", "seconds"} <= set(found)


def test_kernels_are_those_of_the_literal_protocol(scored, kernels):
    _, joined, archs, images = scored
    for row, index in enumerate(kernels.index):
        torch.manual_seed(3)
        network = SPACE.build(archs[joined.at[index, "representative"]], 1)
        expected = oracle.kernel(network.to(memory_format=torch.channels_last), images, False)
        assert (kernels.matrix(row) * kernels.units[row]).round().tolist() == expected.tolist()


def test_bands_know_the_range_of_all_their_networks(kernels):
    assert kernels.band.tolist() == [0, 0, 0, 1, 1, 1]
    assert kernels.band_low.tolist() == [9.7, 85.0]
    assert kernels.band_high.tolist() == [70.0, 90.0]
    assert kernels.band_size.tolist() == [3, 3]


def test_a_dataset_without_accuracies_is_named(scored, tmp_path):
    with pytest.raises(NaswotError, match="nasbench201 has no accuracy on cifar100"):
        compute_kernels(
            *scored[0],
            tmp_path / "k.npz",
            space=SPACE,
            dataset=DATASETS["nasbench201"]["cifar100"],
            bands=2,
            networks=9,
        )


def test_a_file_of_another_kind_is_named(scored):
    with pytest.raises(NaswotError, match=r"batch\.npz is not a kernel file of this version"):
        read_kernels(scored[0][2])


@given(st.lists(st.one_of(st.just(np.nan), st.floats(0, 100)), max_size=30), st.integers(2, 6))
def test_bands_hold_equally_many_from_the_worst_to_the_best(accuracies, bands):
    accuracy = np.array(accuracies)
    cut = cut_into_bands(accuracy, bands)
    known = np.isfinite(accuracy).sum()
    assert len(cut) == min(bands, known)
    assert sorted(np.concatenate(cut or [[]])) == np.flatnonzero(np.isfinite(accuracy)).tolist()
    assert not cut or max(map(len, cut)) - min(map(len, cut)) <= 1
    for worse, better in itertools.pairwise(cut):
        assert accuracy[worse].max() <= accuracy[better].min()


def test_a_larger_draw_begins_with_a_smaller_one():
    bands = [np.arange(10), np.arange(10, 14)]
    few, many = draw(bands, 3, seed=1), draw(bands, 6, seed=1)
    for one, other, band in zip(few, many, bands, strict=True):
        assert one.tolist() == other[:3].tolist()
        assert len(set(other)) == len(other) == min(6, len(band))
        assert set(other) <= set(band)
    assert few[0].tolist() != draw(bands, 3, seed=2)[0].tolist()


def test_seriation_puts_similar_images_side_by_side():
    groups = np.array([0, 1, 0, 1, 1, 0, 2, 0, 2, 1])
    similar = np.where(groups[:, None] == groups, 90, 50)[np.triu_indices(10, 1)]
    pairs = np.array([similar, np.full(45, NOT_A_NUMBER)], np.int32)
    order = seriation(pairs, np.array([100, 100]), 10)
    assert sorted(order) == list(range(10))
    assert len(list(itertools.groupby(groups[order]))) == 3
    assert seriation(pairs[1:], np.array([100]), 10).tolist() == list(range(10))


@pytest.fixture
def make(tmp_path):
    """Return a maker of files of kernels of four images, from (network, pair) similarities."""

    def write(similarities, accuracy, score=None, space="nasbench201", bands=2):
        similarities, accuracy = np.asarray(similarities, float), np.asarray(accuracy, float)
        pairs = np.where(np.isnan(similarities), NOT_A_NUMBER, np.round(similarities * 1000))
        count, key = len(accuracy), "cifar10/surrogate/100" if space == "nasbench301" else KEY
        cut = np.array_split(accuracy, bands)
        path = tmp_path / f"{space}.npz"
        write_arrays(
            path,
            {"space": space, "dataset": "cifar10", "images": "noise", "image_size": 8}
            | {"accuracy": key},
            index=np.arange(count),
            arch=np.full(count, "a"),
            accuracy=accuracy,
            score=np.linspace(5, 9, count) if score is None else np.asarray(score, float),
            band=np.repeat(np.arange(bands), [len(part) for part in cut]),
            units=np.full(count, 1000),
            pairs=pairs.astype(np.int32),
            order=np.array([2, 0, 1, 3]),
            band_low=np.array([part.min() for part in cut]),
            band_high=np.array([part.max() for part in cut]),
            band_size=np.array([len(part) for part in cut]) * 1000,
        )
        return path

    return write


@pytest.fixture
def tables(tmp_path):
    """Return a function that writes and reads the table and the claims of files of kernels."""

    def write(*paths):
        table, claims = tmp_path / "similarity.csv", tmp_path / "claims.csv"
        measure_similarity(paths, table, claims, resamples=50, seed=0)
        return pd.read_csv(table, dtype={"band": str}), pd.read_csv(claims, dtype=str)

    return write


def test_statistics_are_those_of_naive_loops(make):
    values = np.round(np.random.default_rng(0).uniform(0.4, 1, (8, 6)), 3)
    values[0, :2] = 0.9, 0.95  # a threshold counts
    kernels = read_kernels(make(values, range(8)))
    high = high_similarity(kernels)
    found = statistics(kernels, high)
    for row, similarities in enumerate(values):
        expected = {"mean": sum(similarities) / 6, "largest": max(similarities)}
        for name, threshold in {"high": high, **{f"from_{t}": t for t in (0.8, 0.9, 0.95)}}.items():
            count = len([1 for one in similarities if one >= threshold])
            expected[f"share_{name}"] = count / 6
        assert found.loc[row].to_dict() == pytest.approx(expected)


def test_high_is_what_the_median_network_reaches_in_a_hundredth_of_pairs(make):
    values = np.linspace(0.5, [[0.7], [0.8], [0.9], [1.0]], 6, axis=-1)[:, 0]
    values = np.vstack([values, np.full(6, np.nan)])
    found = high_similarity(read_kernels(make(values, range(5))))
    reached = np.percentile(np.round(values[:4], 3), 99, axis=1)
    assert found == pytest.approx(np.median(reached))
    assert np.isnan(high_similarity(read_kernels(make(values[4:], [1], bands=1))))


def test_a_matrix_is_whole_in_the_order_of_the_mini_batch(make):
    matrix = read_kernels(make([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]] * 2, [1, 2])).matrix(0)
    expected = [[1, 0.1, 0.2, 0.3], [0.1, 1, 0.4, 0.5], [0.2, 0.4, 1, 0.6], [0.3, 0.5, 0.6, 1]]
    assert matrix.tolist() == expected


def test_singular_kernels_count_and_what_is_not_a_number_is_told(make, tables):
    values = np.full((6, 6), 0.7) + np.arange(6)[:, None] / 100
    values[1] = np.nan
    path = make(values, range(6), score=[-np.inf, np.nan, 1, 2, 3, 4])
    table, _ = tables(path)
    mean = table[table["statistic"] == "mean"].set_index("band")
    assert mean["n"].to_dict() == {"1": 2, "2": 3, "all": 5}
    assert mean["minus_inf"].to_dict() == {"1": 1, "2": 0, "all": 1}
    assert mean["nan"].to_dict() == {"1": 1, "2": 0, "all": 1}
    assert mean.at["1", "median"] == pytest.approx((0.7 + 0.72) / 2)
    assert mean.loc["2", ["q25", "q75"]].tolist() == pytest.approx([0.735, 0.745])
    assert mean.at["all", "accuracy_high"] == 5


def test_tau_is_that_of_the_networks(make, tables):
    generator = np.random.default_rng(1)
    values, accuracy = (
        np.round(generator.uniform(0.5, 1, (20, 6)), 3),
        np.sort(generator.random(20)),
    )
    table, _ = tables(make(values, accuracy))
    row = table[(table["band"] == "all") & (table["statistic"] == "largest")].iloc[0]
    expected = correlate(values.max(axis=1), accuracy, resamples=50)
    found = row[["tau", "tau_low", "tau_high"]].tolist()
    assert found == pytest.approx([expected.tau, expected.tau_low, expected.tau_high], abs=1e-5)


@pytest.mark.parametrize(
    ("similar", "verdicts"),
    [
        (np.arange(12)[::-1] // 2, ["confirmed", "confirmed", "confirmed"]),
        (np.arange(12) // 2, ["not confirmed", "not confirmed", "not confirmed"]),
        ([3, 3, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1], ["confirmed", "confirmed", "confirmed"]),
        ([1, 4, 2, 3, 4, 1, 4, 1, 3, 2, 1, 4], ["undecided", "not confirmed", "undecided"]),
        ([2] * 12, ["undecided", "not confirmed", "undecided"]),
    ],
)
def test_a_claim_is_judged_by_its_number(similar, verdicts, make, tables):
    """`similar` of the six pairs of each network, from the worst accuracy, are highly similar."""
    values = np.where(np.arange(6) < np.array(similar)[:, None], 0.93, 0.5)
    _, claims = tables(make(values, range(80, 92)))
    assert claims["figure"].eq("figure1").all()
    assert list(claims["verdict"]) == verdicts
    assert claims["found"].str.contains("n = 12").all()


@given(st.lists(st.integers(0, 4), max_size=6), st.lists(st.integers(0, 4), max_size=6))
def test_superiority_is_counted_pair_by_pair(worse, better):
    pairs = list(itertools.product(worse, better))
    found = superiority(np.array(worse), np.array(better))
    if not pairs:
        assert np.isnan(found)
    else:
        wins = sum(1.0 if b < w else 0.5 if b == w else 0.0 for w, b in pairs)
        assert found == pytest.approx(wins / len(pairs))


def test_figure1_shows_each_network_with_its_accuracy_and_score(make, tables, tmp_path, drawn):
    values = np.full((6, 6), 0.7) + np.arange(6)[::-1, None] / 100
    paths = [
        make(values, [10, 60, 70, 80, 85, 90], score=[-np.inf, 7.2, 6, 8, 9, 10]),
        make(values, range(90, 96), space="nasbench301"),
    ]
    tables(*paths)
    inputs = {"kernels": paths, "similarity": tmp_path / "similarity.csv"}
    texts = drawn("figure1", inputs, shown=2)
    assert {"10.0, −∞", "60.0, 7", "80.0, 8", "85.0, 9"} <= set(texts)
    assert not {"70.0, 6", "90.0, 10"} & set(texts)  # two of each band are shown
    assert any("10.0–70.0 %" in text for text in texts)
    assert any("for NDS DARTS" in text for text in texts)
    assert any("surrogate" in text for text in texts)


def test_nothing_in_figure1_is_written_over_anything(make, tables, tmp_path):
    score = np.where(np.arange(54) % 9, 1234.5, -np.inf)
    values = np.random.default_rng(0).uniform(0.8, 1, (54, 6))
    path = make(values, np.linspace(10, 99.9, 54), score=score, bands=6)
    tables(path)
    similarity = pd.read_csv(tmp_path / "similarity.csv", dtype={"band": str})
    figure = figure1.figure1([path], similarity, shown=9)
    figure.canvas.draw()
    texts = [text for text in figure.findobj(plt.Text) if text.get_text().strip()]
    texts = [text for text in texts if text.get_window_extent().width > 2]  # no hidden ticks
    boxes = [text.get_window_extent().padded(-1) for text in texts]
    assert len(texts) > 54
    for (one, box), (other, another) in itertools.combinations(zip(texts, boxes, strict=True), 2):
        assert not box.overlaps(another), (one.get_text(), other.get_text())
    assert all(figure.bbox.padded(1).contains(*box.max) for box in boxes)
    plt.close(figure)


def test_figure1_has_the_papers_spaces_first_and_the_first_dataset_of_each():
    runs = [("own", "custom"), ("natsbench_sss", "cifar100"), ("nasbench301", "cifar10")]
    runs += [("nasbench201", "cifar10"), ("nasbench201", "cifar100"), ("nasbench101", "cifar10")]
    assert kernel_runs(runs) == [
        ("nasbench201", "cifar10"),
        ("nasbench301", "cifar10"),
        ("nasbench101", "cifar10"),
        ("natsbench_sss", "cifar100"),
        ("own", "custom"),
    ]
