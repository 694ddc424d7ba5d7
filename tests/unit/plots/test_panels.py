"""Figures are drawn from tables of the real form; what they lack is named in them."""

import numpy as np
import pandas as pd
import pytest

from naswot.analysis.correlation import correlate_scores
from naswot.benchmarks.datasets import DATASETS
from naswot.io.parquet import write_parquet
from naswot.plots.registry import PANELS, panels_of, wanted

RUNS = [run for panels_of_one in PANELS.values() for run in panels_of_one]


@pytest.fixture
def draw(root, tmp_path, drawn):
    """Return a function that draws made-up scores of 300 networks, and returns the texts."""

    def make(figure: str, runs, missing=()):
        chosen, generator = panels_of(figure, runs), np.random.default_rng(0)
        joined = []
        for space, dataset in chosen.values():
            key = DATASETS[space][dataset].test
            key = key if key.count("/") == 2 else f"{key}/50"
            score = generator.normal(1500, 60, 300)
            accuracy = np.clip(90 + score / 60 - 25 + generator.normal(0, 1, 300), 0, 100)
            described = {"space": space, "score": "naswot", "images": "noise"}
            joined.append(tmp_path / f"{space}-{dataset}.parquet")
            table = pd.DataFrame({"index": np.arange(300), "score": score, key: accuracy})
            write_parquet(table, joined[-1], described)
        datasets = [dataset for _, dataset in chosen.values()]
        correlate_scores(
            list(zip(datasets, joined, strict=True)),
            tmp_path / "taus.csv",
            published=root / "resources/published_kendall_tau.csv",
            resamples=10,
            seed=0,
        )
        inputs = {"joined": joined, "correlations": tmp_path / "taus.csv"}
        return drawn(figure, inputs, figure=figure, letters=chosen, missing=missing)

    return make


def test_every_panel_keeps_its_letter_and_names_itself(draw):
    titles = [text for text in draw("figure3", RUNS) if text.startswith("(")]
    assert [text[:3] for text in titles] == [f"({letter})" for letter in "abcdefghij"]
    assert titles[3].startswith("(d) NAS-Bench-101\nCIFAR-10")
    assert "n = 300" in titles[9]


def test_a_stand_in_is_called_one(draw):
    texts = draw(
        "figure3", [("nasbench201", "cifar100"), ("nasbench301", "cifar10")], missing=["nds_darts"]
    )
    titles = [text for text in texts if text.startswith("(")]
    assert [text[:3] for text in titles] == ["(b)", "(f)"]
    assert "NDS DARTS by\nNAS-Bench-301 ¹" in titles[1]
    (below,) = (text for text in texts if "when trained" in text)
    assert "¹ accuracy that a surrogate predicts" in below
    assert "left out because there is no data: NDS DARTS" in below


def test_a_figure_without_any_data_says_so(draw):
    texts = draw("figure10", [], missing=["nds_enas_fix-w-d"])
    lines = [text.replace("\n", " ") for text in texts]
    assert "Figure 10, left out because there is no data: NDS ENAS_fix-w-d" in lines


def test_a_figure_is_wanted_if_a_space_of_it_is():
    assert wanted("figure9", ["natsbench_sss"])
    assert not wanted("figure9", ["nasbench201"])
    assert panels_of("figure9", [("natsbench_sss", "cifar100")]) == {
        "b": ("natsbench_sss", "cifar100")
    }
