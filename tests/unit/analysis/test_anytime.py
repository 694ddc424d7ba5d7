"""Curves over time against one run and one moment at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from naswot.analysis import anytime as subject
from naswot.analysis.anytime import COLUMNS, TIMES, anytime, trace_searches
from naswot.io.parquet import write_parquet
from naswot.search.trajectory import Trajectory
from naswot.tables.trajectories import read_trajectory

VALID, TEST = "cifar100/x-valid/200", "cifar100/x-test/200"
ACCURACY = pd.Series([60.0, np.nan, 70.0, 80.5, 10.0], index=[10, 11, 12, 13, 14])

evaluations = st.tuples(
    st.integers(0, 3),  # seconds
    st.sampled_from(list(ACCURACY.index)),
    st.sampled_from([4, 12]),  # epochs
    st.sampled_from([np.nan, -np.inf, 0.0, 1.0, 2.0]),  # fitness
)
several = st.lists(st.lists(evaluations, max_size=5), min_size=1, max_size=5)


def frame_of(runs) -> pd.DataFrame:
    rows = []
    for run, evaluated in enumerate(runs):
        spent = 0.0
        for step, (seconds, index, epochs, fitness) in enumerate(evaluated):
            spent += seconds
            rows.append((run, step, spent, index, fitness, epochs))
    names = ["run", "step", "seconds", "index", "fitness", "epochs"]
    types = dict.fromkeys(["run", "step", "index", "epochs"], "int32")
    types |= dict.fromkeys(["seconds", "fitness"], "float64")
    return pd.DataFrame(rows, columns=names).astype(types)


def trajectory_of(frame) -> Trajectory:
    names = ["run", "step", "seconds", "index", "epochs", "fitness"]
    return Trajectory(*(frame[name].to_numpy() for name in names))


def best_by(frame, run, time):
    """Return the index of what a run holds at a time, spelled out."""
    best = None
    for row in frame[frame["run"] == run].itertuples():
        known = not np.isnan(row.fitness)  # NaN is the worst, behind −inf
        value = row.epochs, known, row.fitness if known else 0.0
        if row.seconds <= time and (best is None or value > best[0]):
            best = value, row[4]
    return best[1]


@given(several)
@example([[(1, 12, 4, np.nan), (0, 10, 4, -np.inf)]])
def test_every_moment_equals_the_one_spelled_out(runs):
    frame = frame_of(runs)
    curve = anytime(trajectory_of(frame), ACCURACY)
    if not (frame["seconds"] > 0).any():
        assert curve.empty
        return
    begun = frame.groupby("run")["seconds"].first()
    first = begun.max() or frame.loc[frame["seconds"] > 0, "seconds"].min()
    assert curve["seconds"].iloc[0] == first
    assert curve["seconds"].iloc[-1] == frame["seconds"].max()
    assert len(curve) == (1 if first == frame["seconds"].max() else TIMES)
    np.testing.assert_allclose(np.diff(np.log(curve["seconds"]), 2), 0, atol=1e-9)
    for row in curve[::11].to_dict("records"):
        held = [ACCURACY[best_by(frame, run, row["seconds"])] for run in begun.index]
        held = [accuracy for accuracy in held if not np.isnan(accuracy)]
        assert row["runs"] == len(held)
        expected = [np.nan] * 4
        if held:
            expected = [*np.percentile(held, [50, 25, 75]), np.mean(held)]
        np.testing.assert_allclose([row[n] for n in ("median", "q25", "q75", "mean")], expected)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a trajectory and gives its path."""

    def make(frame, method="rea", pool="whole", **about):
        path = tmp_path / pool / f"{method}.parquet"
        described = {"space": "nasbench201", "dataset": "cifar100", "method": method, "pool": pool}
        described |= {"title": method.upper(), "fitness": VALID, "runs": 3, "budget": 9.0}
        write_parquet(frame, path, described | about)
        return path

    return make


@pytest.fixture
def benchmark(tmp_path):
    """Return a function that writes a benchmark table and gives its path."""

    def make(**columns):
        path = tmp_path / "benchmark.parquet"
        table = pd.DataFrame({"index": ACCURACY.index, **columns})
        write_parquet(table, path, {"space": "nasbench201"})
        return path

    return make


RUNS = [[(2, 10, 12, 1.0), (3, 12, 12, 2.0)], [(1, 14, 12, 5.0)], []]


def test_the_table_has_a_curve_of_each_search_that_spends_time(write, benchmark, tmp_path):
    frame = frame_of(RUNS)
    free = frame.assign(seconds=np.nan)
    written = [
        write(frame),
        write(frame, "naswot", "scored", fitness="naswot"),
        write(free, "random"),
        write(frame[:0], "bohb", not_run="there is no time"),
    ]
    table = benchmark(**{VALID: ACCURACY.to_numpy() - 1, TEST: ACCURACY.to_numpy()})
    trace_searches(written, [table], tmp_path / "anytime.csv")
    found = pd.read_csv(tmp_path / "anytime.csv")
    assert list(found) == COLUMNS
    assert list(found["method"].unique()) == ["rea", "naswot"]
    assert list(found["pool"].unique()) == ["whole", "scored"]
    assert list(found["fitness"].unique()) == [VALID, "naswot"]
    assert set(found["accuracy"]) == {TEST}
    first, last = found.iloc[0], found.iloc[TIMES - 1]
    assert (first["seconds"], last["seconds"]) == (2, 5)
    assert (first["runs"], first["median"], first["q75"]) == (2, 35.0, 47.5)
    assert (last["runs"], last["median"], last["mean"]) == (2, 40.0, 40.0)


@pytest.mark.parametrize(
    ("test", "expected"),
    [(ACCURACY.to_numpy(), TEST), (np.full(5, np.nan), VALID), ([1, 2, 3, np.nan, np.nan], VALID)],
)
def test_one_key_is_reported_of_a_dataset(write, benchmark, tmp_path, test, expected):
    table = benchmark(**{VALID: ACCURACY.to_numpy(), TEST: test})
    trace_searches([write(frame_of(RUNS))], [table], tmp_path / "anytime.csv")
    assert set(pd.read_csv(tmp_path / "anytime.csv")["accuracy"]) == {expected}


@pytest.mark.parametrize("columns", [{}, {TEST: np.full(5, np.nan)}])
def test_without_accuracies_there_is_no_curve(write, benchmark, tmp_path, columns):
    trace_searches([write(frame_of(RUNS))], [benchmark(**columns)], tmp_path / "anytime.csv")
    found = pd.read_csv(tmp_path / "anytime.csv")
    assert found.empty
    assert list(found) == COLUMNS


def test_a_table_is_read_once_for_all_searches(write, benchmark, tmp_path, monkeypatch):
    calls = []
    read = subject.reported_accuracy
    monkeypatch.setattr(
        subject, "reported_accuracy", lambda *given: calls.append(given) or read(*given)
    )
    written = [write(frame_of(RUNS), method) for method in ("rea", "area", "rs")]
    trace_searches(written, [benchmark(**{TEST: ACCURACY.to_numpy()})], tmp_path / "anytime.csv")
    assert len(calls) == 1


def test_epochs_are_the_lengths_of_training(write):
    found = read_trajectory(write(frame_of([[(1, 13, 4, 9.0), (1, 12, 12, 1.0)]])))
    assert list(found.pick[found.incumbents()]) == [13, 12]  # the longer outdoes the fitter
