"""The table and the summary of the study under a limit of latency."""

import numpy as np
import pandas as pd
import pytest

from naswot.analysis.search_study import COLUMNS, describe, to_markdown, to_table

# chosen_by, N → mean accuracy at the limits 50 and 100 %
MEANS = {
    ("naswot", 10): (50.0, 50.0),
    ("naswot", 100): (61.0, 73.0),
    ("params", 100): (60.0, 74.0),
    ("random", 1): (40.0, 44.0),
}
BEST = {50: (300, 65.0), 100: (600, 75.0)}  # how many satisfy the limit, and the best of them
BEYOND = {50: (1.0, 0.5, 1.5), 100: (-1.0, -1.2, -0.8)}


def rows():
    place = {"space": "nasbench201", "dataset": "cifar10", "accuracy": "cifar10/ori-test/200"}
    place["device"] = "pixel3"
    names = ("beyond_params", "beyond_params_low", "beyond_params_high")
    for column, quantile in enumerate((50, 100)):
        limit = place | {"quantile": quantile, "limit_ms": quantile / 3}
        for (name, size), means in MEANS.items():
            beyond = dict(zip(names, BEYOND[quantile], strict=True)) if name == "naswot" else {}
            yield limit | {"chosen_by": name, "sample_size": size, "mean": means[column]} | beyond
        count, mean = BEST[quantile]
        yield limit | {"chosen_by": "optimal", "sample_size": count, "mean": mean}


def test_the_summary_takes_every_limit_and_the_largest_sample():
    (line,) = [line for line in to_markdown(to_table(list(rows()))).splitlines() if line[:1] == "-"]
    assert line == (
        "- Pixel 3: naswot (N=100) beats size at 1 of 2 limits and trails it at 1, by +0.00; it is "
        "+25.00 from random and -3.00 from the best possible."
    )


def test_the_table_rounds_accuracies_and_keeps_limits_in_full(tmp_path):
    table = to_table([row | {"mean": 200 / 3, "latency_ms_max": 50 / 3} for row in rows()])
    assert list(table.columns) == COLUMNS
    table.to_csv(tmp_path / "study.csv", index=False)
    read = pd.read_csv(tmp_path / "study.csv")
    assert set(read["mean"]) == {66.6667}
    assert set(read["limit_ms"]) == {50 / 3, 100 / 3}
    assert set(read["latency_ms_max"]) == {50 / 3}


@pytest.mark.parametrize("values", [[], [np.nan]])
def test_a_search_without_a_known_accuracy_has_no_mean(values):
    row = describe(np.array(values, dtype=float))
    assert row["runs"] == 0
    assert np.isnan([row["mean"], row["std"], row["mean_low"]]).all()
