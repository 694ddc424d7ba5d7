"""An ablation varies one thing; what it finds is what was scored."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy.stats import kendalltau, percentileofscore
from torch import nn

from naswot import score
from naswot.analysis.ablations import (
    normalise,
    summarise_ablations,
    summarise_levels,
    summarise_networks,
)
from naswot.analysis.figure5_claims import ahead, claims_of, every, verdict
from naswot.analysis.rankings import mean_agreement, mean_interval
from naswot.benchmarks.datasets import DATASETS
from naswot.errors import NaswotError
from naswot.images import mini_batch
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.scores.initialisation import SCHEMES, draw_scheme
from naswot.spaces import SPACES
from naswot.stages.ablate import choose_networks, score_ablation, select_ablation_networks
from naswot.workflow import ablations
from naswot.workflow.config import check
from naswot.workflow.schema import read_schema

DEAD = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
CELLS = [
    DEAD,
    "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
]
MODULAR = ("batches", "noise", "initialisations", "batch_size", "scheme", "image_size", "classes")


@pytest.fixture
def config(root) -> dict:
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture
def schema(root) -> dict:
    return read_schema(root)


@pytest.fixture
def chosen(tmp_path):
    """Return the choice of three cells of which the first sees no difference between images."""
    benchmark = pd.DataFrame(
        {"index": range(3), "arch": CELLS, "cifar100/x-valid/200": [1.0, 60.0, 70.0]}
    )
    write_parquet(benchmark, tmp_path / "benchmark.parquet", {})
    select_ablation_networks(
        tmp_path / "benchmark.parquet",
        tmp_path / "chosen.parquet",
        space="nasbench201",
        dataset=DATASETS["nasbench201"]["cifar100"],
        choice="percentiles",
        count=3,
        seed=0,
    )
    return tmp_path / "chosen.parquet"


def scored(chosen, setting, ablation="batches", level="noise"):
    base = {"images": "noise", "image_size": 8, "batch_size": 6, "classes": 1}
    output = chosen.with_name(f"{ablation}-{level}.parquet")
    score_ablation(
        chosen,
        output,
        space=SPACES["nasbench201"],
        ablation=ablation,
        level=level,
        setting=base | {"scheme": "default", "seeds": [[0, 0]]} | setting,
        device="cpu",
    )
    return output


def test_each_percentile_gives_one_network():
    accuracy = pd.Series(np.random.default_rng(0).permutation(105).astype(float))
    accuracy[accuracy >= 100] = np.nan
    found = choose_networks(accuracy, 10, "percentiles", seed=3)
    assert list(found["accuracy"] // 10) == list(range(10))
    assert (accuracy[found["index"]].to_numpy() == found["accuracy"]).all()
    expected = percentileofscore(accuracy.dropna(), found["accuracy"], kind="mean")
    np.testing.assert_allclose(found["percentile"], expected)
    others = choose_networks(accuracy, 10, "percentiles", seed=4)
    assert list(found["index"]) != list(others["index"])


def test_a_random_choice_is_of_all_networks():
    accuracy = pd.Series(range(6), dtype=float)
    assert list(choose_networks(accuracy, 6, "random", seed=0)["index"]) == list(range(6))
    few = [tuple(choose_networks(accuracy, 2, "random", seed)["index"]) for seed in range(200)]
    assert len(set(few)) == 15


def test_too_few_networks_are_said_to_be(tmp_path):
    with pytest.raises(NaswotError, match="4 networks are requested, and 3 have a known accuracy"):
        choose_networks(pd.Series([1, 2, 3, np.nan]), 4, "random", seed=0)


@pytest.mark.parametrize("ablation", MODULAR)
def test_an_ablation_varies_one_thing(ablation, config):
    usual = ablations.setting_of(config, "photos", "batches", "photos")
    varied = {"batches": None, "noise": "images", "initialisations": None}.get(ablation, ablation)
    values = []
    for level in ablations.levels_of(config, "photos")[ablation]:
        setting = ablations.setting_of(config, "photos", ablation, level)
        assert {key for key in usual if key != "seeds" and setting[key] != usual[key]} <= {varied}
        assert setting["seeds"][0] == [config["seed"], config["seed"]]
        batches, starts = ({pair[side] for pair in setting["seeds"]} for side in (0, 1))
        assert min(len(batches), len(starts)) == 1
        assert max(len(batches), len(starts)) == len(setting["seeds"])
        values.append(str(setting.get(varied)))
    if varied in ("batch_size", "image_size", "classes", "scheme"):
        assert values == ablations.levels_of(config, "photos")[ablation]


def test_the_variance_design_is_crossed(config):
    levels = ablations.levels_of(config, "photos")["variance"]
    seeds = [
        tuple(pair)
        for level in levels
        for pair in ablations.setting_of(config, "photos", "variance", level)["seeds"]
    ]
    assert sorted(seeds) == [(batch, start) for batch in range(6) for start in range(6)]


def test_images_of_one_size_are_not_resized_and_it_is_said(config):
    assert ablations.levels_of(config, "cifar100")["image_size"] == ["32"]
    assert ablations.left_out(config, "cifar100")["16"].startswith("left out: images of cifar100")
    assert ablations.left_out(config, "photos") == {}
    assert ablations.setting_of(config, "cifar100", "noise", "noise")["image_size"] == 32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "nasbench2"}, "ablations.space = 'nasbench2' is not allowed; it must be one of"),
        ({"dataset": "imagenet"}, "nasbench201 was trained on cifar10, cifar100, imagenet16_120"),
        ({"networks": 20_000}, "ablations.networks = 20000 is not allowed; nasbench201 has 15625"),
        ({"networks": 1}, "ablations.networks = 1 is not allowed; it must be a whole number from"),
        ({"schemes": ["he"]}, "ablations.schemes = 'he' is not allowed; it must be a list with"),
        ({"image_sizes": [10]}, "ablations.image_sizes = 10 is not allowed; it must be a list"),
        ({"repeat": 3}, "ablations.repeat is not a known key; did you mean repeats?"),
        ({"variance": {"networks": 4, "batches": 2}}, "variance.initialisations is missing"),
    ],
)
def test_a_wrong_ablation_is_named(changes, message, config, schema):
    wrong = config | {"ablations": config["ablations"] | changes}
    with pytest.raises(NaswotError) as caught:
        check(wrong, schema)
    assert message in str(caught.value)


def test_the_schema_knows_every_scheme(schema):
    entry = schema["properties"]["ablations"]["properties"]["schemes"]
    assert entry["items"]["enum"] == list(SCHEMES)
    assert all(name in entry["description"] for name in SCHEMES)


def test_scores_are_those_of_the_library(chosen):
    seeds = [[3, 5], [4, 5], [4, 6]]
    table = read_parquet(scored(chosen, {"seeds": seeds}))
    assert len(table) == 9
    for row in table.itertuples():
        images = torch.from_numpy(mini_batch("noise", 6, 8, row.batch_seed).images)
        torch.manual_seed(row.init_seed)
        build = partial(SPACES["nasbench201"].build, row.arch, 1)
        assert row.score == score(build, images).value
    assert table["score"].isin([-np.inf]).sum() == 3
    assert list(table["repeat"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert read_metadata(chosen)["accuracy"] == "cifar100/x-valid/200"


def test_outputs_do_not_change_networks_whose_classifier_is_drawn_last(chosen):
    one, many = (
        read_parquet(scored(chosen, {"classes": classes}, "classes", str(classes)))["score"]
        for classes in (1, 50)
    )
    assert one.equals(many)


@pytest.mark.parametrize(
    ("scheme", "std"),
    [
        ("kaiming_normal", (2 / 144) ** 0.5),
        ("kaiming_uniform", (2 / 144) ** 0.5),
        ("xavier_normal", (2 / (144 + 288)) ** 0.5),
        ("xavier_uniform", (2 / (144 + 288)) ** 0.5),
        ("orthogonal", (1 / 144) ** 0.5),
        ("normal_0.01", 0.01),
        ("normal_1", 1.0),
    ],
)
def test_a_scheme_draws_weights_and_nothing_else(scheme, std):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32), nn.Linear(8, 4))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    draw_scheme(network, scheme)
    changed = {
        name for name, value in network.state_dict().items() if not value.equal(before[name])
    }
    assert changed == {"0.weight", "2.weight"}
    assert network[0].weight.std().item() == pytest.approx(std, rel=0.03)


def made_up(minus_inf=True) -> pd.DataFrame:
    """Return scores of five networks at all levels, of which the worst is −inf at times."""
    generator, rows = np.random.default_rng(0), []
    levels = {name: ["a", "b"] for name in ("batch_size", "scheme", "image_size", "classes")}
    levels |= {"batches": ["photos"], "noise": ["noise"], "initialisations": ["photos"]}
    for ablation in MODULAR:
        for level in levels[ablation]:
            for repeat in range(4):
                values = 1000 + 20 * np.arange(5) + generator.normal(0, 9, 5)
                if minus_inf and repeat < 2:
                    values[0] = -np.inf
                rows += [
                    {"ablation": ablation, "level": level, "repeat": repeat, "index": 10 - index}
                    | {"arch": f"arch {index}", "accuracy": 50.0 + index, "score": values[index]}
                    | {"percentile": 20 * index + 10.0, "seconds": 0.5}
                    for index in range(5)
                ]
    return pd.DataFrame(rows)


def test_a_normalised_score_is_divided_by_the_least_of_its_level():
    table = normalise(made_up())
    for (_, _), group in table.groupby(["ablation", "level"]):
        finite = [value for value in group["score"] if value > -np.inf]
        expected = [value / min(finite) for value in group["score"]]
        np.testing.assert_allclose(group["normalised"], expected)
    table["score"] -= 2000
    assert normalise(table)["normalised"].isna().all()


def test_networks_are_summed_up_without_what_is_not_finite():
    found = summarise_networks(normalise(made_up()))
    row = found[(found["ablation"] == "noise") & (found["accuracy"] == 50)].iloc[0]
    assert (row["n"], row["minus_inf"], row["nan"]) == (4, 2, 0)
    assert np.isfinite(row["mean"])
    assert row["low"] <= row["q25"] <= row["median"] <= row["q75"] <= row["high"]
    assert len(found) == 11 * 5


def test_levels_are_summed_up_by_pairs_of_repeats():
    table = made_up()
    found = summarise_levels(table).set_index(["ablation", "level"])
    rows = table[(table["ablation"] == "scheme") & (table["level"] == "b")]
    scores = rows.pivot(index="repeat", columns="index", values="score").replace(-np.inf, -1e9)
    pairs = [(i, j) for i in range(4) for j in range(i)]
    taus = [kendalltau(scores.loc[i], scores.loc[j]).statistic for i, j in pairs]
    row = found.loc[("scheme", "b")]
    assert row["tau_repeats"] == pytest.approx(np.mean(taus))
    assert row["tau_repeats_low"] < row["tau_repeats"] < row["tau_repeats_high"]
    trained = [
        kendalltau(scores.loc[i], 60.0 - np.array(scores.columns)).statistic for i in range(4)
    ]
    assert row["tau_accuracy"] == pytest.approx(np.mean(trained))
    assert (row["minus_inf"], row["networks"], row["repeats"]) == (2, 5, 4)
    assert found.loc[("classes", "a"), "largest_change"] == 0
    assert found.loc[("classes", "b"), "largest_change"] > 0
    assert np.isnan(row["largest_change"])


def test_the_interval_of_agreement_widens_with_disagreement():
    generator = np.random.default_rng(0)
    quiet, loud = (np.arange(8) + generator.normal(0, sd, (12, 8)) for sd in (1, 4))
    for scores in (quiet, loud):
        value, low, high = mean_agreement(scores)
        assert low < value < high
    assert np.ptp(mean_agreement(loud)) > np.ptp(mean_agreement(quiet))
    assert mean_agreement(np.tile(np.arange(8.0), (5, 1))) == pytest.approx((1, 1, 1))


def test_the_best_are_ahead_as_often_as_they_score_higher():
    scores = np.random.default_rng(0).integers(0, 4, (6, 5)).astype(float)
    scores[0, 0] = scores[0, 4] = -np.inf
    expected = [
        np.mean([(a > b) + (a == b) / 2 for a in row[3:] for b in row[:3]]) for row in scores
    ]
    np.testing.assert_allclose(ahead(scores, 2), expected)


def test_a_verdict_needs_the_whole_interval():
    assert verdict((0.9, 0.8, 1.0), 0.8) is True
    assert verdict((0.7, 0.6, 0.79), 0.8) is False
    assert verdict((0.8, 0.7, 0.9), 0.8) is None
    assert verdict((0.9, np.nan, np.nan), 0.8) is None


def test_the_interval_of_a_mean_holds_it_in_95_of_100_samples_of_five():
    samples = np.random.default_rng(0).normal(0.5, 0.05, (4000, 5))
    held = [low <= 0.5 <= high for _, low, high in map(mean_interval, samples)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([True, True], True), ([True, None], None), ([None, False], False), ([], None)],
)
def test_all_levels_decide_together(verdicts, expected):
    assert every(verdicts) is expected


@pytest.mark.parametrize("value", [-np.inf, np.nan])
def test_without_a_finite_score_nothing_is_claimed(value):
    table = normalise(made_up().assign(score=value))
    assert {claim.verdict for claim in claims_of(table)} == {"undecided"}
    assert summarise_networks(table)[["q25", "median", "q75"]].isna().all(axis=None)


def test_classes_are_compared_with_the_first_level_that_is_asked_for():
    table = made_up(minus_inf=False)
    rows = table[table["ablation"] == "classes"].copy()
    rows["level"] = rows["level"].map({"a": "2", "b": "10"})
    rows["score"] = rows["index"] + np.where(rows["level"] == "10", 7.0, 0.0)
    rest = table[table["ablation"] != "classes"]
    found = summarise_levels(pd.concat([rest, rows])).set_index(["ablation", "level"])
    assert found.loc[("classes", "2"), "largest_change"] == 0
    assert found.loc[("classes", "10"), "largest_change"] == 7


def test_claims_follow_the_scores():
    table = made_up()
    table["score"] = np.where(
        table["ablation"].eq("noise"),
        -table["accuracy"],  # noise turns the ranking round
        table["accuracy"],
    ) + np.where(table["repeat"] > 0, 0.0, 1e-3 * table["index"])
    claims = claims_of(table)
    assert [claim.verdict for claim in claims] == [
        "confirmed",
        "not confirmed",
        "confirmed",
        "confirmed",
    ]
    assert "mean Kendall tau between two of 4 mini-batches 1.000" in claims[0].found
    assert "−1.000" in claims[1].found or "-1.000" in claims[1].found
    assert "100 % at a, 100 % at b" in claims[3].found


def test_claims_leave_networks_with_nan_out_and_say_so():
    table = made_up(minus_inf=False)
    table.loc[table.index[2], "score"] = np.nan
    assert "4 networks, 1 with NaN left out" in claims_of(table)[0].found


@pytest.fixture
def gathered(tmp_path):
    """Return the folder with the tables of made-up ablations, one image size left out."""
    about = {"space": "nasbench201", "dataset": "cifar100", "choice": "percentiles"}
    shards = []
    for place, rows in made_up().groupby(["ablation", "level"], sort=False):
        shards.append(tmp_path / f"{'-'.join(place)}.parquet")
        write_parquet(rows, shards[-1], about | {"accuracy": "cifar100/x-valid/200"})
    names = {"scores": "scores.parquet"}
    names |= {name: f"{name}.csv" for name in ("networks", "levels", "claims")}
    outputs = {name: tmp_path / file for name, file in names.items()}
    summarise_ablations(
        shards, **outputs, left_out={"24": "left out: images of x are 32 pixels wide"}
    )
    return tmp_path


def test_what_was_left_out_stands_in_the_table(gathered):
    levels = pd.read_csv(gathered / "levels.csv").set_index(["ablation", "level"])
    assert levels.loc[("image_size", "24"), "note"].startswith("left out")
    assert np.isnan(levels.loc[("image_size", "24"), "networks"])
    assert len(pd.read_csv(gathered / "claims.csv")) == 4
    assert read_parquet(gathered / "scores.parquet")["score"].isin([-np.inf]).sum() == 22


@pytest.mark.parametrize("view", ["figure5", "ablations"])
def test_infinite_scores_are_marked_in_the_pictures(view, gathered, drawn):
    texts = drawn(view, {name: gathered / f"{name}.csv" for name in ("networks", "levels")})
    assert texts.count("−∞ (2)") == {"figure5": 3 + 2, "ablations": 2 + 2 + 2}[view]
    assert any("5 networks of NAS-Bench-201, CIFAR-100" in text for text in texts)
