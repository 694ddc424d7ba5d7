"""Figures of searches, from tables of the real form: what they show, and what they say of it."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.analysis.anytime import COLUMNS
from naswot.analysis.tables import columns, merge
from naswot.benchmarks.datasets import DATASETS
from naswot.plots.anytime import anytime
from naswot.plots.figure7 import figure7
from naswot.plots.methods import STYLES, style_of
from naswot.plots.spacing import spread
from naswot.search import METHODS

REPORTED = DATASETS["nasbench201"]


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_a_search_with_another_score_is_told_apart():
    assert style_of("AREA (ensemble)") == (STYLES["AREA"][0], ":") != style_of("AREA")
    assert style_of("GDAS") == style_of("ensemble (N=10)")  # without a style of their own


@pytest.fixture
def table(root):
    """Return a function that makes a table2.csv of the published rows and made-up ones."""

    def make(datasets=tuple(REPORTED), splits=("valid", "test"), methods=("REA", "Local search")):
        paper = pd.read_csv(root / "resources/published_table2.csv")
        rows = [("training-free", f"NASWOT (N={n})", n / 10) for n in (10, 100, 1000)]
        rows += [("non-weight-sharing", method, 11940 + n) for n, method in enumerate(methods)]
        published = paper[paper["method"] == "REA"].iloc[0]
        measured = pd.DataFrame(
            [
                {"benchmark": "nasbench201", "source": "measured", "runs": 500}
                | {"family": family, "method": method, "search_seconds": seconds}
                | {
                    f"{dataset}_{split}_{statistic}": published[f"{dataset}_{split}_{statistic}"]
                    for dataset in datasets
                    for split in splits
                    for statistic in ("mean", "std")
                }
                | {"note": "scored on photos" if family == "training-free" else ""}
                for family, method, seconds in rows
            ],
            columns=columns(REPORTED),
        )
        return merge(paper, measured, list(REPORTED))

    return make


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(plt.Text)]


def labels(figure) -> list[str]:
    return [axes.get_ylabel() for axes in figure.axes]


def test_figure7_shows_test_accuracies_of_all_datasets(table):
    figure = figure7(table())
    titles = ("CIFAR-10", "CIFAR-100", "ImageNet16-120")
    assert labels(figure) == [f"{title}\ntest accuracy (%)" for title in titles]
    found = " ".join(texts(figure))
    for name in ("REA  93.92", "Local search", "BOHB", "GDAS", "NASWOT\nN = 1,000"):
        assert name in found
    assert "DARTS-V1 54.3" in found  # far below all others
    assert figure.axes[0].get_ylim()[0] > 90
    assert "Left out because there is no test accuracy: AREA (published)." in found
    assert "NASWOT: scored on photos." in found
    assert "AREA  " not in found


def test_figure7_never_mixes_test_and_validation(table):
    figure = figure7(table(splits=["valid"]))
    assert [label.split("\n")[1] for label in labels(figure)] == ["validation accuracy (%)"] * 3
    found = " ".join(texts(figure))
    assert "AREA  91.20" in found
    assert "DARTS-V1 39.8" in found
    assert "Left out" not in found


def test_figure7_leaves_out_datasets_that_nothing_was_measured_on(table):
    assert labels(figure7(table(datasets=["cifar100"]))) == ["CIFAR-100\ntest accuracy (%)"]
    published = table()[lambda rows: rows["source"] == "published"]
    assert len(figure7(published).axes) == 3


def test_figure7_shows_a_method_once(table):
    twice = table(methods=["REA", "REA", "RS"])
    names = [text for text in texts(figure7(twice)) if text.startswith("REA  ")]
    assert len(names) == 3  # a panel one


def test_names_stand_apart(table):
    figure = figure7(table(methods=[method.title for method in METHODS.values()]))
    figure.canvas.draw()
    for axes in figure.axes:
        names = [text for text in axes.texts if text.get_position()[0] == 1.03]
        boxes = [plt.Text.get_window_extent(name) for name in names]  # without the line
        assert len(boxes) > len(METHODS)
        boxes = sorted(boxes, key=lambda box: box.y0)
        for below, above in itertools.pairwise(boxes):
            assert below.y1 <= above.y0 + 1
        assert max(box.x1 for box in boxes) < figure.bbox.x1


def test_every_search_has_a_look_of_its_own():
    assert {method.title for method in METHODS.values()} | {"NASWOT"} == set(STYLES)
    assert len(set(STYLES.values())) == len(STYLES)


def curve(title, pool="whole", dataset="cifar10", key="cifar10/ori-test/200", seconds=12000.0):
    times = np.geomspace(seconds / 60, seconds, 10)
    values = 90 + np.linspace(0, 3, 10)
    about = {"space": "nasbench201", "dataset": dataset, "pool": pool, "method": title.lower()}
    about |= {"title": title, "fitness": "cifar10-valid/x-valid/12", "accuracy": key, "runs": 5}
    numbers = {"seconds": times, "median": values, "q25": values - 1, "q75": values + 1}
    return pd.DataFrame(numbers | {"mean": values}).assign(**about)[COLUMNS]


def test_curves_have_a_panel_a_dataset_and_a_name_each():
    key = "cifar100/x-valid/200"
    curves = [curve("REA"), curve("NASWOT", "scored", seconds=90), curve("AREA")]
    curves += [curve("REA", dataset="cifar100", key=key)]
    figure = anytime(pd.concat(curves))
    assert labels(figure) == ["test accuracy (%)", "validation accuracy (%)"]
    found = texts(figure)
    assert sum(text.startswith("REA  93.00") for text in found) == 2
    assert "AREA  93.00" in found
    assert "NASWOT  93.00" in found
    assert any(text.startswith("NAS-Bench-201, CIFAR-10: cifar10/ori-test/200") for text in found)
    assert any("Among the scored architectures: NASWOT." in text for text in found)


def test_a_search_is_shown_in_the_whole_space_where_it_ran_there():
    both = pd.concat([curve("REA", "scored").assign(median=10.0), curve("REA")])
    (axes,) = anytime(both).axes
    assert axes.get_ylim()[0] > 80
    assert not any("Among" in text for text in texts(axes.figure))


@pytest.mark.parametrize("rows", [0, 1])
def test_figures_of_almost_nothing_are_drawn(rows):
    assert anytime(curve("REA")[:rows]).axes or not rows


def test_figures_are_written(table, tmp_path, drawn):
    table().to_csv(tmp_path / "table2.csv", index=False)
    curve("REA").to_csv(tmp_path / "anytime.csv", index=False)
    for name, inputs in {
        "figure7": {"table": tmp_path / "table2.csv"},
        "anytime": {"curves": tmp_path / "anytime.csv"},
    }.items():
        assert any(text.startswith("REA") for text in drawn(name, inputs))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.12))
def test_places_are_apart_in_order_and_within_limits(wanted, gap):
    wanted = np.sort(wanted)
    places = spread(wanted, gap, (0, 1))
    assert (np.diff(places) >= gap - 1e-9).all()
    assert places.min() >= -1e-9
    assert places.max() <= 1 + 1e-9
    if (np.diff(wanted) >= gap).all():
        np.testing.assert_allclose(places, wanted, atol=1e-9)
