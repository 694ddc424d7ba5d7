"""Against the paper, number by number, and searches that use a score against REA."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from naswot.analysis import assistance, paper_comparison
from naswot.analysis.assistance import assist, compare_with_rea, runs_needed, sentence
from naswot.analysis.correlation import COLUMNS as CORRELATIONS
from naswot.analysis.paper_comparison import compare_with_paper, finish
from naswot.benchmarks.datasets import DATASETS
from naswot.io.parquet import write_parquet
from naswot.stages import vary_initialisation

SCORING = {
    "batch_size": 128,
    "image_size": 16,
    "precision": "float32",
    "relu_count": "as-published",
    "deduplicate": False,
}
RUNS = 500


def values(mean, std, count=RUNS):
    """Return numbers of exactly this mean and standard deviation."""
    if count == 0:
        return np.empty(0)
    numbers = np.random.default_rng(0).standard_normal(count)
    return mean + std * (numbers - numbers.mean()) / numbers.std(ddof=1)


def drawn(space, dataset, method, *, sizes=(1,), pool="whole", valid=90.0, test=None, **about):
    """Return the metadata and runs of a search that draws."""
    described = {"space": space, "dataset": dataset, "method": method, "pool": pool}
    described |= {"title": {"naswot": "NASWOT"}.get(method, method.title())}
    if method == "naswot":
        described |= {"images": "cifar10", "sample": "all", "pool_seed": 0, "score": "naswot"}
    parts = [
        pd.DataFrame({"sample_size": size, "run": range(RUNS), "seed": range(RUNS)})
        for size in sizes
    ]
    for part in parts:
        part["valid"] = values(valid, 1.0)
        part["test"] = np.nan if test is None else values(test, 1.0)
    return described | about, pd.concat(parts)


def budgeted(space, dataset, method, *, valid=91.0, std=0.3, runs=RUNS, seed=None, **about):
    """Return the metadata and runs of a search under a budget."""
    described = {
        "space": space,
        "dataset": dataset,
        "searched": dataset if space != "nasbench201" else "cifar10",
        "method": method,
        "title": {"rea": "REA", "rs": "RS", "area": "AREA", "warm_up": "REA with warm-up"}[method],
        "pool": "whole",
        "epochs": 12,
        "budget": 12000.0,
        "budget_unit": "s",
        "fitness_epochs": [12],
        "population": 10,
        "area_sample": 20,
        "repeats": "paid",
        "overrun": "discard",
        "tournament": 3,
        "note": "",
    }
    if method not in ("rea", "rs"):
        described |= {"score": "naswot", "images": "cifar10"}
    part = pd.DataFrame({"sample_size": 0, "run": range(runs), "seed": range(runs)})
    part["valid"] = values(valid, std, runs)
    if seed is not None:
        part["valid"] = np.random.default_rng(seed).normal(valid, std, runs)
    return described | about, part.assign(test=part["valid"] + 1)


@pytest.fixture
def compare(root, tmp_path):
    """Return a function that compares searches and correlations and gives the rows."""

    def compare(searches, correlations=(), missing=None, initialisations=None, **scoring):
        paths = []
        for number, (about, runs) in enumerate(searches):
            paths.append(tmp_path / f"{number}.parquet")
            write_parquet(runs, paths[-1], about)
        pd.DataFrame(correlations, columns=CORRELATIONS).to_csv(tmp_path / "tau.csv", index=False)
        compare_with_paper(
            paths,
            tmp_path / "tau.csv",
            tmp_path / "out.csv",
            published=[root / f"resources/published_table{number}.csv" for number in (1, 2)],
            published_taus=root / "resources/published_kendall_tau.csv",
            scoring=SCORING | scoring,
            missing=missing,
            initialisations=initialisations,
        )
        table = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
        assert list(table.columns) == paper_comparison.COLUMNS
        return table.set_index(["where", "method", "quantity"])

    return compare


def row_of(table, where, method, quantity):
    (row,) = table.loc[[(where, method, quantity)]].to_dict("records")
    return row


def test_there_is_a_row_for_every_printed_number(compare, root):
    table = compare([])
    printed = 0
    for number in (1, 2):
        paper = pd.read_csv(root / f"resources/published_table{number}.csv")
        printed += paper.filter(regex="_mean$").notna().sum().sum()
    assert len(table) == printed + 10 == 155
    assert (table["ours"] == "").all()
    assert (table["reason"] != "").all()
    assert not (table["within_2"] != "").any()
    assert (table["published"] != "").all()


def test_means_are_compared_by_the_error_of_their_difference(compare):
    found = compare([budgeted("nasbench201", "cifar10", "rs", valid=90.9, std=0.4)])
    row = row_of(found, "Table 2(a)", "RS", "cifar10-valid/x-valid/200")
    error = np.sqrt(0.4**2 / 500 + 0.36**2 / 500)
    assert float(row["standard_error"]) == pytest.approx(error, rel=1e-4)
    assert float(row["difference"]) == pytest.approx(-0.03, abs=1e-6)
    assert float(row["difference_in_se"]) == pytest.approx(-0.03 / error, rel=1e-4)
    assert (row["within_2"], row["reason"]) == ("true", "")
    assert (row["published_n"], row["ours_n"]) == ("500", "500")
    test = row_of(found, "Table 2(a)", "RS", "cifar10/ori-test/200")
    assert (test["within_2"], test["reason"]) == ("false", "not explained")


def tau_of(**row):
    default = {"dataset": "cifar10", "score": "naswot", "images": "cifar10"}
    default |= {"n": 5000, "n_plotted": 5000}
    tau = row["tau"]
    return default | {"tau_low": tau - 0.01, "tau_high": tau + 0.01, "tau_plotted": tau} | row


def test_taus_are_compared_by_bootstrap_and_sampling(compare):
    taus = [
        tau_of(space="nds_enas", accuracy="cifar10/test/100", tau=0.375),
        tau_of(
            space="nds_darts_in",
            dataset="imagenet",
            images="imagenette",
            accuracy="ImageNet/test/50",
            tau=0.4,
        ),
    ]
    found = compare([], taus, relu_count="once").loc["Fig. 3"].set_index("benchmark")
    row = found.loc["nds_enas"]
    error = np.sqrt((0.02 / 3.92) ** 2 + 0.0135**2 * 1000 / 749)
    assert float(row["difference_in_se"]) == pytest.approx(0.01 / error, rel=1e-3)
    assert (row["within_2"], row["published_n"], row["ours_n"]) == ("true", "749", "5000")
    row = found.loc["nds_darts_in"]
    error = np.hypot(0.02 / 3.92, 0.0135 * np.sqrt(1000 / 121))
    assert float(row["difference_in_se"]) == pytest.approx(-0.135 / error, rel=1e-3)
    assert "each ReLU counts once" in row["reason"]
    assert "dataset's images" not in row["reason"]
    assert found.loc["nds_pnas", "reason"] == "NDS PNAS is not among the spaces of this run"


def test_the_sampling_error_of_tau_is_that_of_normal_pairs():
    """For normal pairs whose tau is .57, as here, samples of 1,000 vary by .0135 too, about."""
    generator, found = np.random.default_rng(0), []
    r = np.sin(0.57 * np.pi / 2)
    for _ in range(200):
        x = generator.standard_normal(1000)
        y = r * x + np.sqrt(1 - r**2) * generator.standard_normal(1000)
        found.append(pd.DataFrame({"x": x, "y": y}).corr(method="kendall").at["x", "y"])
    assert np.std(found) == pytest.approx(paper_comparison.TAU_STD_OF_1000, abs=0.002)


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (("x-valid/200", "ori-test/200", "x-valid/12"), "cifar10-valid/ori-test/200"),
        (("x-valid/200", "x-valid/12", "cifar10/ori-test/200"), "cifar10-valid/x-valid/200"),
        (("x-valid/12", "cifar10/ori-test/200"), "cifar10/ori-test/200"),
        (("x-valid/12", "cifar10/ori-test/12"), None),
    ],
)
def test_tau_is_taken_against_the_accuracy_most_like_the_papers(keys, chosen):
    keys = [key if key.count("/") == 2 else f"cifar10-valid/{key}" for key in keys]
    rows = pd.DataFrame({"accuracy": keys, "tau_plotted": 0.5, "n": 100})
    about = DATASETS["nasbench201"]["cifar10"]
    found = paper_comparison.closest(rows, "cifar10-valid/ori-test/200", about)
    assert (None if found is None else found["accuracy"]) == chosen
    rows["tau_plotted"] = np.nan
    assert paper_comparison.closest(rows, "cifar10-valid/ori-test/200", about) is None


def test_a_tau_is_that_of_the_networks_that_the_authors_plot(compare):
    found = tau_of(space="nds_enas", accuracy="cifar10/test/100", tau=0.5, tau_plotted=0.37)
    row = compare([], [found | {"n_plotted": 700}]).loc["Fig. 3"].set_index("benchmark")
    assert tuple(row.loc["nds_enas", ["ours", "ours_n"]]) == ("0.37", "700")
    # The interval, ±.01, is that of all 5,000.
    error = np.sqrt((0.02 / 3.92) ** 2 * 5000 / 700 + 0.0135**2 * 1000 / 749)
    assert float(row.loc["nds_enas", "standard_error"]) == pytest.approx(error, rel=1e-4)


def test_reasons_of_a_tau_name_the_key_and_the_images(compare):
    key = "cifar10-valid/x-valid/200"
    far = tau_of(space="nasbench201", accuracy=key, tau=0.7, images="photos")
    reason = compare([], [far], deduplicate=True).loc["Fig. 3"]["reason"].iloc[0]
    assert reason.split("; ") == [
        f"against {key} instead of cifar10-valid/ori-test/200",
        "scored on photos of 16×16 pixels, not on the dataset's images",
        "isomorphic architectures share one score",
    ]


KEY = "cifar10-valid/x-valid/200"


@pytest.mark.parametrize(
    ("search", "method", "scoring", "reason"),
    [
        (("rs", {"note": "fitness after 200 epochs"}), "RS", {}, "fitness after 200 epochs"),
        (
            ("rs", {"searched": "cifar100", "budget": 6000.0}),
            "RS",
            {},
            "searched on CIFAR-100 instead of CIFAR-10; "
            "search.budget_s = 6,000 s instead of 12,000 s",
        ),
        # A budget that grew with the length of training is the paper's.
        (
            ("rs", {"budget": 200000.0, "fitness_epochs": [4, 200], "note": "200 epochs"}),
            "RS",
            {},
            "200 epochs",
        ),
        (("rs", {"epochs": 6, "budget": 24000.0}), "RS", {}, "search.epochs = 6 instead of 12"),
        (("rs", {}), "RS", {}, "not explained"),
        (
            ("rs", {"budget": 106.0, "budget_unit": "trainings", "repeats": "free"}),
            "RS",
            {},
            "search.repeats = free instead of paid; a budget of 106 trainings",
        ),
        (
            ("rea", {"population": 5}),
            "REA",
            {},
            "search.population = 5 instead of 10; a tournament of 3 (the paper gives no size)",
        ),
        (
            ("area", {"area_sample": 9, "images": "noise"}),
            "AREA",
            {"precision": "bfloat16", "batch_size": 32},
            "scored on noise of 16×16 pixels, not on the dataset's images; mini-batches of 32 "
            "images instead of 128; scored in bfloat16; search.area_sample = 9 instead of 20; "
            "a tournament of 3 (the paper gives no size)",
        ),
    ],
)
def test_reasons_list_what_differs_from_the_paper(compare, search, method, scoring, reason):
    name, about = search
    found = compare([budgeted("nasbench201", "cifar10", name, valid=80.0, **about)], **scoring)
    row = row_of(found, "Table 2(a)", method, KEY)
    assert row["within_2"] == "false"
    assert row["reason"] == reason


def test_reasons_of_draws_name_the_pool_and_the_initialisation(compare):
    pool = drawn(
        "natsbench_sss", "cifar10", "naswot", sizes=(10, 1000), test=80.0, sample=50, pool_seed=3
    )
    found = compare([pool])
    from_pool = (
        "drawn from a random pool of 50 architectures (seed 3); all runs share one initialisation, "
        "whose own chance the standard error leaves out"
    )
    row = row_of(found, "Table 2(b)", "NASWOT (N=1000)", "cifar10/ori-test/90")
    assert row["reason"] == from_pool
    row = row_of(found, "Table 2(b)", "NASWOT (N=10)", "cifar10/ori-test/90")
    assert row["reason"] == f"suspect print: CIFAR-10 test is below validation; {from_pool}"
    assert row["note"] == "suspect print: CIFAR-10 test is below validation"


@pytest.mark.parametrize(
    ("method", "dataset", "epochs", "told"),
    [
        ("area", "imagenet16_120", 12, True),
        ("area", "imagenet16_120", 200, False),
        ("area", "cifar10", 12, False),
    ],
)
def test_what_an_experiment_showed_is_said_where_it_was_made(
    compare, method, dataset, epochs, told
):
    key = {"cifar10": "cifar10-valid/x-valid/200"}.get(dataset, "ImageNet16-120/x-valid/200")
    found = compare([budgeted("nasbench201", dataset, method, fitness_epochs=[epochs], valid=20.0)])
    row = row_of(found, "Table 2(a)", "AREA", key)
    assert ("measured: none of 12 settings" in row["reason"]) == told


def test_a_search_with_shared_weights_compares_only_by_the_published_protocol(compare):
    about = {"title": "GDAS", "search_family": "weight-sharing", "differences": ["threads"]}
    found = compare([drawn("nasbench201", "cifar10", "gdas", valid=70.0, **about)])
    row = row_of(found, "Table 2(a)", "GDAS", "cifar10-valid/x-valid/200")
    assert row["within_2"] == "false"
    assert row["reason"] == "threads"
    about["title"] = "GDAS (reduced)"
    found = compare([drawn("nasbench201", "cifar10", "gdas", **about)])
    row = row_of(found, "Table 2(a)", "GDAS", "cifar10-valid/x-valid/200")
    assert row["reason"] == "searched by another protocol: GDAS (reduced)"


def test_the_measured_chance_of_the_pool_is_in_the_error(compare):
    about = {"sizes": (1000,), "test": 80.0, "sample": 50, "pool_seed": 3}
    known = {"1000": {"valid": None, "test": 3.0}}
    both = [
        row_of(compare([one]), "Table 2(b)", "NASWOT (N=1000)", "cifar10/ori-test/90")
        for one in (
            drawn("natsbench_sss", "cifar10", "naswot", **about),
            drawn("natsbench_sss", "cifar10", "naswot", pool_deviation=known, **about),
        )
    ]
    without, within = (float(row["standard_error"]) for row in both)
    assert within == pytest.approx(np.hypot(without, 3.0), rel=1e-4)


def test_the_measured_chance_of_the_weights_is_in_the_error(compare, tmp_path):
    def known(means, outside):
        return [
            ("nasbench201", "cifar10", 100, KEY, number, mean, 500, outside)
            for number, mean in enumerate(means)
        ]

    def row(outside):
        file = tmp_path / "initialisations.csv"
        # Number 0 is the run of the table itself.
        rows = known([70.0, 90.0, 90.3, 90.6], outside)
        pd.DataFrame(rows, columns=vary_initialisation.COLUMNS).to_csv(file, index=False)
        search = drawn("nasbench201", "cifar10", "naswot", sizes=(100,), valid=80.0)
        found = compare([search], initialisations=file)
        return row_of(found, "Table 2(a)", "NASWOT (N=100)", KEY)

    published = 0.89**2 / RUNS
    # Student's t with 2 degrees of freedom: 4.303 instead of 1.960.
    error = np.sqrt(published + 1.0**2 / RUNS + 2 * (0.3 * 4.3027 / 1.95996) ** 2)
    assert float(row(0.01)["standard_error"]) == pytest.approx(error, rel=1e-4)
    assert row(0.01)["reason"] == "not explained"
    # Too many runs chose what was not scored again.
    assert float(row(0.2)["standard_error"]) == pytest.approx(np.sqrt(published + 1 / RUNS), 1e-4)
    assert "share one initialisation" in row(0.2)["reason"]


def test_a_suspect_print_of_one_dataset_excuses_no_other(compare):
    found = compare([drawn("natsbench_sss", "cifar100", "naswot", sizes=(10,), valid=50.0)])
    row = row_of(found, "Table 2(b)", "NASWOT (N=10)", "cifar100/x-valid/90")
    assert (row["within_2"], row["note"]) == ("false", "")
    assert "suspect" not in row["reason"]


def test_of_two_pools_the_whole_space_is_compared(compare):
    searches = [
        drawn("nasbench101", "cifar10", "random", pool="scored", test=80.0, sample=9, pool_seed=0),
        drawn("nasbench101", "cifar10", "random", pool="whole", test=90.4),
    ]
    for order in (searches, searches[::-1]):
        row = row_of(compare(order), "Table 1", "Random", "cifar10/test/108")
        assert float(row["ours"]) == pytest.approx(90.4)
        assert row["within_2"] == "true"
        assert row["note"] == "the paper gives no number of runs; 500 is assumed"


def test_nasbench101_has_the_mean_over_repeats(compare):
    found = compare([drawn("nasbench101", "cifar10", "random", test=80.0)])
    assert row_of(found, "Table 1", "Random", "cifar10/test/108")["reason"].startswith(
        "the accuracy is the mean over repeats"
    )


def test_a_mean_over_some_of_the_runs_counts_these(compare):
    about, runs = budgeted("nasbench201", "cifar10", "rs", valid=80.0)
    runs.loc[100:, "valid"] = np.nan
    row = row_of(compare([(about, runs)]), "Table 2(a)", "RS", KEY)
    assert row["ours_n"] == "100"
    assert row["reason"] == f"mean of the 100 of 500 runs whose architecture has {KEY}"


def test_reasons_of_what_was_not_measured(compare):
    naswot = drawn("nasbench201", "cifar10", "naswot", sizes=(10,))
    not_run = budgeted("nasbench201", "cifar10", "rs", not_run="it rained", runs=0)
    other = drawn("nasbench101", "cifar10", "naswot", sizes=(100,), title="synflow")
    other[0]["score"] = "synflow"
    found = compare([naswot, not_run, other], missing={"natsbench_sss": "no file"})

    def reason(method, quantity=KEY, where="Table 2(a)"):
        return row_of(found, where, method, quantity)["reason"]

    assert reason("GDAS") == "methods that share weights were not asked for: supernet.tables"
    assert reason("REA") == "the method was not asked for"
    assert reason("RS") == "not run: it rained"
    sizes = "the sample size was not asked for: there is NASWOT (N=10)"
    assert reason("NASWOT (N=100)") == sizes
    lacking = "the benchmark table has no cifar10/ori-test/200 of these architectures"
    assert reason("NASWOT (N=10)", "cifar10/ori-test/200") == lacking
    assert reason("REA", "cifar100/x-test/200") == "CIFAR-100 was not asked for"
    assert reason("RS", "cifar10/ori-test/90", "Table 2(b)") == "left out: no file"
    score = "the searches of this run go by another score, synflow"
    assert reason("NASWOT (N=100)", "cifar10/test/108", "Table 1") == score
    both = drawn("nasbench201", "cifar10", "naswot", sizes=(10,), title="ensemble")
    both[0]["score"] = "ensemble"
    found_again = compare([both, naswot])
    assert row_of(found_again, "Table 2(a)", "NASWOT (N=100)", KEY)["reason"] == sizes
    taus = found.loc["Fig. 3"]
    assert taus["reason"].iloc[0] == "NAS-Bench-201 is not among the spaces of this run"
    elsewhere = row_of(compare([naswot]), "Table 1", "REA", "cifar10/test/108")
    assert elsewhere["reason"] == "NAS-Bench-101 is not among the spaces of this run"


def test_one_run_is_no_spread():
    row = {"published": 1.0, "ours": 2.0, "standard_error": np.nan, "differences": ["x"]}
    assert finish(row)["reason"] == "there is no spread to compare by"
    assert "within_2" not in finish(row)


pairs = st.lists(
    st.tuples(st.floats(0, 100, width=32), st.floats(0, 100, width=32)), min_size=2, max_size=30
)


@given(pairs)
def test_the_paired_interval_is_that_of_the_t_test(accuracies):
    reference, method = np.array(accuracies, dtype=float).T
    found = assist(reference, method)
    if found["difference_std"] < 1e-6:
        return
    interval = ttest_rel(method, reference).confidence_interval(0.95)
    np.testing.assert_allclose([found["difference_low"], found["difference_high"]], interval)
    error = np.sqrt((reference.var(ddof=1) + method.var(ddof=1)) / len(reference))
    assert found["standard_error_unpaired"] == pytest.approx(error)
    assert found["runs"] == len(accuracies)


@pytest.mark.parametrize("difference", [0.3, -0.5])
def test_the_runs_needed_find_the_difference_four_times_in_five(difference):
    needed = runs_needed(difference, 1.0)
    samples = np.random.default_rng(0).normal(difference, 1.0, (4000, needed))
    z = samples.mean(axis=1) * np.sqrt(needed)  # the standard deviation is known: 1
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.8, abs=0.02)


def test_the_runs_needed_follow_the_table_and_end_at_two():
    assert runs_needed(0.5, 1.0) == 32  # Cohen: 31.4 pairs for d = .5
    assert runs_needed(5.0, 0.0) == 2
    assert runs_needed(0.0, 1.0) is None


def test_pairing_pays_where_the_pairs_go_together():
    generator = np.random.default_rng(0)
    common = generator.normal(90, 1, 500)
    reference, method = common, common + generator.normal(0.1, 0.1, 500)
    found = assist(reference, method)
    assert found["correlation"] > 0.99
    assert found["standard_error"] < 0.1 * found["standard_error_unpaired"]
    assert found["runs_needed"] < 0.01 * found["runs_needed_unpaired"]
    assert np.isnan(assist(np.ones(3), np.arange(3.0))["correlation"])


@pytest.fixture
def pair(tmp_path):
    """Return a function that pairs searches and gives the rows and the text."""

    def pair(searches):
        paths = []
        for number, (about, runs) in enumerate(searches):
            paths.append(tmp_path / f"{number}.parquet")
            write_parquet(runs, paths[-1], about)
        compare_with_rea(paths, tmp_path / "a.csv", tmp_path / "a.md")
        table = pd.read_csv(tmp_path / "a.csv")
        assert list(table.columns) == assistance.COLUMNS
        return table, (tmp_path / "a.md").read_text()

    return pair


def test_runs_are_paired_by_seed_whatever_their_order(pair):
    rea = budgeted("nasbench201", "cifar10", "rea", seed=1)
    about, runs = budgeted("nasbench201", "cifar10", "area", note="as a note says")
    runs[["valid", "test"]] = rea[1][["valid", "test"]] + 0.5
    runs.loc[0, "valid"] += 1e-3
    table, text = pair([rea, (about, runs[::-1])])
    assert list(table["split"]) == ["valid", "test"]
    assert list(table["accuracy"]) == [KEY, "cifar10/ori-test/200"]
    assert table["correlation"].min() > 0.999
    np.testing.assert_allclose(table["difference"], 0.5, atol=1e-5)
    assert (table["runs"] == 500).all()
    assert (table["score"] == "naswot").all()
    assert "## NAS-Bench-201\n\n- AREA beats REA by 0.50 ± 0.00 points on CIFAR-10 val" in text
    assert text.endswith("\nAREA: as a note says.\n")


def test_a_split_that_is_not_known_and_a_search_that_was_not_run_have_no_row(pair):
    rea = budgeted("nasbench201", "cifar10", "rea")
    about, runs = budgeted("nasbench201", "cifar10", "warm_up", seed=2)
    not_run = budgeted("nasbench201", "cifar10", "area", runs=0, not_run="it rained")
    other = budgeted("nasbench201", "cifar10", "rs")
    alone = budgeted("natsbench_sss", "cifar10", "area")
    table, _ = pair([rea, (about, runs.assign(test=np.nan)), not_run, other, alone])
    assert table[["method", "split"]].to_numpy().tolist() == [["warm_up", "valid"]]


def test_without_a_pair_the_text_says_so(pair):
    table, text = pair([budgeted("nasbench201", "cifar10", "rea")])
    assert table.empty
    assert "There is nothing to compare" in text


@pytest.mark.parametrize(
    ("difference", "half", "needed", "end"),
    [
        (0.02, 0.05, 31234, "beats REA by 0.02 ± 0.05 points on CIFAR-10 test over 500 paired "
         "runs, within chance; some 31,000 runs would be needed to tell."),
        (-0.3, 0.05, 14, "trails REA by 0.30 ± 0.05 points on CIFAR-10 test over 500 paired "
         "runs, more than chance; 14 runs would do to tell."),
        (0.0, 0.05, pd.NA, "equals REA on CIFAR-10 test over 500 paired runs."),
    ],
)  # fmt: skip
def test_a_sentence_says_how_sure_it_is(difference, half, needed, end):
    row = {
        "title": "AREA",
        "dataset": "cifar10",
        "split": "test",
        "runs": 500,
        "difference": difference,
        "difference_low": difference - half,
        "difference_high": difference + half,
        "runs_needed": needed,
    }
    assert sentence(row) == f"AREA {end}"
