"""The study under a limit of latency against one naive run at a time."""

import math

import miniatures
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from naswot.analysis.search_study import COLUMNS
from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.hardware import DEVICES, FILE, convert_hardware, latency_column
from naswot.errors import NaswotError
from naswot.io.parquet import read_parquet, write_parquet
from naswot.scores.aggregates import RULES
from naswot.stages.sample_search import search
from naswot.stages.search_study import QUANTILES, Guide, limits_of, study, study_searches

CIFAR100 = DATASETS["nasbench201"]["cifar100"]
VALID, TEST = "cifar100/x-valid/200", "cifar100/x-test/200"
SIZES, SEEDS = [2, 4], np.arange(3, 9)

networks = st.tuples(
    st.sampled_from([-np.inf, np.nan, 0.0, 1.0]) | st.floats(-9, 9),  # score
    st.floats(-9, 9),  # another, of an aggregate
    st.integers(1, 4),  # parameters
    st.just(np.nan) | st.floats(0, 100),  # accuracy
    st.just(np.nan) | st.integers(1, 5),  # latency in ms
    st.floats(0, 1),  # seconds of scoring
)
pools = st.lists(networks, min_size=4, max_size=12)


def guides_of(pool: pd.DataFrame) -> dict[str, Guide]:
    seconds, nothing = pool["seconds"].to_numpy(), np.full(len(pool), np.nan)
    members = pool[["score", "other"]].to_numpy()
    return {
        "naswot": Guide(pool["score"].to_numpy(), None, None, seconds),
        "both": Guide(nothing, members, RULES["rank"], 2 * seconds),
        "params": Guide(pool["params"].to_numpy(float), None, None, nothing),
    }


def naive_run(pool, name, size, limit, seed):
    """Return the choice of one run and the architectures it drew, spelled out."""
    drawn = []
    for position in np.random.default_rng(seed).permutation(len(pool)):
        if pool["latency"][position] <= limit and len(drawn) < size:
            drawn.append(position)
    if name == "both":
        values = RULES["rank"](pool.loc[drawn, ["score", "other"]].to_numpy())
    else:
        values = pool["score" if name == "naswot" else "params"][drawn].tolist()
    best = 0
    for place, value in enumerate(values):
        known, before = not math.isnan(value), not math.isnan(values[best])
        if (known and not before) or value > values[best]:
            best = place
    return drawn[best], drawn


def expect_statistics(row, values, prefix=""):
    """Compare the mean and its interval with scipy's."""
    known = [value for value in values if not math.isnan(value)]
    mean = prefix or "mean"
    low, high = row[f"{mean}_low"], row[f"{mean}_high"]
    if not known:
        assert math.isnan(row[mean])
        return
    assert row[mean] == pytest.approx(np.mean(known))
    if len(known) == 1:
        assert math.isnan(low)
        assert math.isnan(high)
    elif np.ptp(known):
        expected = stats.ttest_1samp(known, 0).confidence_interval(0.95)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    else:
        assert low == pytest.approx(high) == pytest.approx(row[mean])


@given(pools, st.floats(0.5, 5.5))
@example([(1.0, 1.0, 1, 50.0, 5, 0.1)] * 4, 1.0)  # none satisfies the limit
def test_every_row_equals_the_naive_runs(pool, limit):
    names = ["score", "other", "params", "accuracy", "latency", "seconds"]
    pool = pd.DataFrame(pool, columns=names)
    accuracy, latency = pool["accuracy"].to_numpy(float), pool["latency"].to_numpy(float)
    rows = list(study(guides_of(pool), accuracy, latency, {50: limit}, SIZES, SEEDS))
    allowed = [place for place in range(len(pool)) if latency[place] <= limit]
    assert [(row["chosen_by"], row["sample_size"]) for row in rows[:6]] == [
        (name, size) for size in SIZES for name in ("naswot", "both", "params")
    ]
    assert [row["chosen_by"] for row in rows[6:]] == ["random", "optimal"]
    for row in rows:
        assert row["satisfying"] == len(allowed)
        assert row["drawn"] <= len(allowed)
        assert row.get("latency_ms_max", 0.0) <= limit
    if not allowed:
        assert all(row["runs"] == 0 and "no scored" in row["note"] for row in rows)
        return
    by_size = {
        (size, seed): naive_run(pool, "params", size, limit, seed)[0]
        for size in SIZES
        for seed in SEEDS
    }
    for row in rows[:6]:
        name, size = row["chosen_by"], row["sample_size"]
        runs = [naive_run(pool, name, size, limit, seed) for seed in SEEDS]
        chosen = [accuracy[choice] for choice, _ in runs]
        assert row["runs"] == sum(not math.isnan(value) for value in chosen)
        assert row["drawn"] == len(runs[0][1]) == min(size, len(allowed))
        assert ("all" in row["note"]) == (len(allowed) <= size)
        expect_statistics(row, chosen)
        assert row["latency_ms"] == pytest.approx(np.mean([latency[c] for c, _ in runs]))
        if name != "params":
            size_alone = [accuracy[by_size[size, seed]] for seed in SEEDS]
            expect_statistics(row, np.subtract(chosen, size_alone), "beyond_params")
            spent = [sum(pool["seconds"][drawn]) for _, drawn in runs]
            factor = 2 if name == "both" else 1
            assert row["search_seconds"] == pytest.approx(factor * np.mean(spent))
    first = [accuracy[naive_run(pool, "params", 1, limit, seed)[0]] for seed in SEEDS]
    expect_statistics(rows[6], first)
    known = [accuracy[place] for place in allowed if not math.isnan(accuracy[place])]
    expect_statistics(rows[7], [max(known)] if known else [])


def test_without_a_limit_the_runs_are_those_of_naswot():
    generator = np.random.default_rng(0)
    pool = pd.DataFrame(generator.random((60, 4)), columns=["score", TEST, VALID, "seconds"])
    pool = pool.assign(index=np.arange(60), arch="a")
    guide = Guide(pool["score"].to_numpy(), None, None, pool["seconds"].to_numpy())
    latency = generator.random(60)
    for size in (5, 20):
        runs = search(pool, CIFAR100, "naswot", size, runs=30, seed=4)
        limits = {100: latency.max()}
        row = next(
            study({"n": guide}, pool[TEST].to_numpy(), latency, limits, [size], 4 + np.arange(30))
        )
        assert row["mean"] == pytest.approx(runs["test"].mean())
        assert row["std"] == pytest.approx(runs["test"].std())
        assert row["search_seconds"] == pytest.approx(runs["search_seconds"].mean())


def test_a_limit_is_a_latency_and_includes_its_share():
    latency = np.append(np.random.default_rng(0).permutation(np.arange(1.0, 201)), [np.nan] * 55)
    limits = limits_of(latency)
    assert list(limits) == list(QUANTILES)
    assert [int((latency <= limit).sum()) for limit in limits.values()] == list(range(20, 201, 20))


@pytest.fixture
def files(tmp_path):
    """Return joined tables and seconds of two scores of 200 cells, and their costs."""
    write_parquet(miniatures.hardware(), tmp_path / FILE, {})
    convert_hardware(tmp_path, tmp_path / "costs.parquet")
    generator = np.random.default_rng(1)
    index = generator.permutation(15_625)[:200]
    random = generator.random((200, 5))
    table = pd.DataFrame(random, columns=["score", "score:a", "score:b", VALID, "seconds"])
    table = table.assign(index=index, arch="a", params=generator.integers(9, 99, 200))
    table = table.assign(**{TEST: 60 + 10 * table["score"]}, build_seconds=0.0)
    common = {"space": "nasbench201"}
    about = {
        "naswot": common | {"score": "naswot"},
        "both": common | {"score": "both", "members": ["a", "b"], "by": "log-rank"},
    }
    parts = []
    for name, metadata in about.items():
        own = table if name == "both" else table.drop(columns=["score:a", "score:b"])
        write_parquet(own.drop(columns=["seconds", "build_seconds"]), tmp_path / name, metadata)
        measured = table[["index", "seconds", "build_seconds"]]
        write_parquet(measured, tmp_path / f"{name}.seconds", {})
        parts.append(("cifar100", tmp_path / name, tmp_path / f"{name}.seconds"))
    return parts, tmp_path / "costs.parquet"


def test_the_table_is_written_whole_and_no_limit_is_violated(files, tmp_path):
    parts, costs = files
    csv, markdown = tmp_path / "study.csv", tmp_path / "study.md"
    study_searches(parts, costs, csv, markdown, sample_sizes=[3, 50], runs=20, seed=0)
    table = pd.read_csv(csv)
    assert list(table.columns) == COLUMNS
    assert len(table) == len(DEVICES) * len(QUANTILES) * (2 * 3 + 2)
    assert set(table["accuracy"]) == {TEST}
    assert (table["latency_ms_max"] <= table["limit_ms"]).all()
    assert (table.loc[table["chosen_by"] == "optimal", "mean"].ge(60)).all()
    latencies = read_parquet(costs)
    for device, rows in table.groupby("device"):
        known = latencies[latency_column(CIFAR100, device)]
        assert set(rows["limit_ms"]) <= set(known)
        assert rows["limit_ms"].max() == known.max()
    widest = table[(table["quantile"] == 100) & (table["device"] == "edgetpu")]
    drawn = read_parquet(parts[0][1])["index"]
    assert set(widest["satisfying"]) == {int((drawn % 3 != 0).sum())}
    # The accuracy grows with naswot: nothing beats it at the same draws.
    rows = table.set_index(["device", "quantile", "sample_size", "chosen_by"])["mean"].unstack()
    assert (rows["naswot"].dropna() >= rows["both"].dropna()).all()
    summary = markdown.read_text(encoding="utf-8")
    assert summary.count("- Pixel 3: naswot (N=50) beats size at 10 of 10 limits") == 1
    assert summary.count("both (N=50)") == len(DEVICES)


def test_a_score_that_is_lower_for_better_networks_is_turned_round(files, tmp_path):
    (part, _), costs = files
    found = []
    for sign, lower in ((1, False), (-1, True)):
        table = read_parquet(part[1])
        table["score"] *= sign
        metadata = {"space": "nasbench201", "score": "mine", "lower_is_better": lower}
        write_parquet(table, tmp_path / "mine", metadata)
        csv = tmp_path / "study.csv"
        one = [("cifar100", tmp_path / "mine", part[2])]
        study_searches(one, costs, csv, tmp_path / "study.md", sample_sizes=[5], runs=9, seed=0)
        found.append(csv.read_bytes())
    assert found[0] == found[1]


def test_without_the_space_there_is_nothing_to_study(files, tmp_path):
    with pytest.raises(NaswotError, match="name nasbench201 in `spaces`"):
        study_searches(
            [], files[1], tmp_path / "csv", tmp_path / "md", sample_sizes=[5], runs=9, seed=0
        )
