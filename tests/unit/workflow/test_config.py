"""A wrong configuration gets one line that names the key and says what is allowed."""

import copy
from dataclasses import asdict

import pytest
import yaml
from snakemake.utils import update_config

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.errors import NaswotError
from naswot.images import SOURCES
from naswot.scores import AGGREGATES, FAMILY_OF
from naswot.search import METHODS, Settings
from naswot.workflow.config import (
    check,
    image_size,
    images_of,
    missing_spaces,
    normalise,
    protocol,
    runs_of,
    scores_of,
    settle_samples,
    shard_size,
    shards_of,
)
from naswot.workflow.schema import read_schema
from naswot.workflow.weight_sharing import searches


@pytest.fixture
def schema(root) -> dict:
    return read_schema(root)


@pytest.fixture
def config(root) -> dict:
    return yaml.safe_load((root / "config/config.yaml").read_text())


def test_the_default_configuration_is_allowed(config, schema):
    check(config, schema)
    assert len(shards_of(config, "nasbench201", "photos", "naswot", BUILT_IN)) == 9
    assert images_of(config)["cifar100"] == "photos"


OTHERS = ("ci.yaml", "leaderboard.yaml", "mirror.yaml", "paper.yaml", "zoo.yaml")


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_configurations_are_allowed(name, config, schema, root, mirror):
    update_config(config, yaml.safe_load((root / "config" / name).read_text()))
    check(config | {"mirror": str(mirror), "skip_missing": True}, schema)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"own_spaces": {}}, "own_spaces is now called custom_spaces."),
        ({"search": {"budget": 3}}, "search.budget is now called search.budget_s."),
        ({"images": {"own": "photos"}}, "images.own is now called images.custom."),
        ({"sampel": 3}, "sampel is not a known key; did you mean sample?"),
        ({"sample": "some"}, "sample = 'some' is not allowed; it must be all, or a whole number"),
        ({"shard_size": 0}, "shard_size = 0 is not allowed; it must be auto, or a whole number"),
        ({"datasets": ["mnist"]}, "datasets = 'mnist' is not allowed; it must be a list"),
        ({"datasets": []}, "datasets = [] is not allowed"),
        (
            {"scores": ["nwot"]},
            "there is no score 'nwot'; there are naswot, grad_norm",
        ),
        (
            {"search_scores": ["params"]},
            "search_scores: 'params' is not one of scores, which are naswot.",
        ),
        (
            {
                "aggregates": {"whole": {"scores": ["naswot", "params"], "by": "rank"}},
                "scores": ["naswot", "whole"],
                "search_scores": ["naswot", "whole"],
            },
            "search_scores: 'whole' is the name of a pool; rename it.",
        ),
        ({"vote": ["naswot"]}, "vote is now called aggregates: {vote: {scores: […], by: vote}}."),
        (
            {"aggregates": {"mine": {"scores": ["naswot"], "by": "rank"}}},
            "aggregates.mine.scores = ['naswot'] is not allowed; it must be a list with two",
        ),
        (
            {"aggregates": {"mine": {"scores": ["naswot", "params"], "by": "sum"}}},
            "aggregates.mine.by = 'sum' is not allowed; it must be one of log-rank, rank, vote",
        ),
        (
            {"aggregates": {"zen": {"scores": ["naswot", "params"], "by": "rank"}}},
            "aggregates.zen: there is a score of this name.",
        ),
        (
            {"custom_spaces": {"mine": {"networks": "a.py"}}},
            "custom_spaces.mine needs either accuracies",
        ),
        ({"custom_spaces": {"mine": {"train": 3}}}, "custom_spaces.mine.networks is missing"),
        (
            {"custom_spaces": {"mine": {"networks": "a.py", "accuracies": "a.csv"}}},
            "custom_spaces.mine.networks = 'a.py': there is no such file",
        ),
        ({"images": "mnist"}, "images = 'mnist' is not allowed; it must be one of photos"),
        ({"images": {"cifar10": "photos"}}, "images.cifar100 is missing"),
        ({"images": "cifar10"}, "the images 'cifar10' need a mirror"),
        ({"mirror": "/nowhere"}, "mirror = '/nowhere' is not allowed; no such directory"),
        ({"mirror": "."}, "lacks nasbench201.parquet or NATS-tss-v1_0-3ffb9-simple or"),
        ({"n_runs": 1.5}, "n_runs = 1.5 is not allowed; it must be a whole number from 1"),
        ({"n_runs": True}, "n_runs = True is not allowed"),
        ({"image_size": 18}, "image_size = 18 is not allowed; it must be a multiple of 4"),
        ({"deduplicate": "yes"}, "deduplicate = 'yes' is not allowed; it must be true or false"),
        ({"sample_sizes": {"naswot": [20_000], "optimal": [10]}}, "sample_sizes.naswot = 20000"),
        ({"sample_sizes": {"naswot": [0], "optimal": [10]}}, "sample_sizes.naswot = 0"),
        ({"sample_sizes": {"naswot": [5], "optimum": [10]}}, "sample_sizes.optimum is not a known"),
        (
            {"kernels": {"bands": 5, "networks": 4, "shown": 6}},
            "kernels.shown = 6 is not allowed; it must be at most kernels.networks, 4",
        ),
        (
            {"kernels": {"bands": 1, "networks": 4, "shown": 4}},
            "kernels.bands = 1 is not allowed; it must be a whole number of bands from 2",
        ),
        ({"sample": 50}, "sample_sizes.naswot = 1000 is not allowed; there are 50"),
        ({"spaces": None}, "spaces = None is not allowed; it must be a list with one"),
        (
            {"spaces": ["nasbench2"]},
            "spaces has 'nasbench2', which is neither in custom_spaces nor",
        ),
        ({"spaces": ["natsbench_sss"]}, "the space 'natsbench_sss' needs a mirror that holds"),
        ({"spaces": ["nasbench301"]}, "sample = all is not allowed for nasbench301"),
        ({"sample": {"nasbench101": 5}}, "sample.nasbench201 is missing"),
        ({"sample": {"nasbench201": "all", "nasbench2": 5}}, "sample.nasbench2: there is no such"),
        (
            {"spaces": ["nasbench101"], "sample": 1000, "datasets": ["cifar100"]},
            "datasets has none that nasbench101 was trained on (cifar10)",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(changes, message, config, schema):
    with pytest.raises(NaswotError) as caught:
        check(config | changes, schema)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_line_may_say_true_false_and_null(config, schema):
    given = config | {"deduplicate": "false", "mirror": "null", "images": "photos"}
    normalise(given)
    assert given == config | {"deduplicate": False}
    check(given, schema)


def test_the_command_line_may_give_fractions_of_nested_settings(config, schema):
    given = config | {"search": config["search"] | {"learning_rate": "0.03"}}
    normalise(given)
    assert given["search"]["learning_rate"] == 0.03
    check(given, schema)


@pytest.mark.parametrize(
    ("text", "number"), [("5e-4", 5e-4), ("1E3", 1e3), ("1.5e+2", 150), ("2.", 2), ("1_0e3", None)]
)
def test_numbers_with_an_exponent_are_numbers(config, text, number):
    config["training"]["weight_decay"] = text
    normalise(config)
    assert config["training"]["weight_decay"] == (text if number is None else number)


@pytest.mark.parametrize(
    ("sample", "settled"),
    [(15_626, "all"), (15_625, None), ("all", None), ({"nasbench201": 20_000}, "all")],
)
def test_of_a_sample_larger_than_its_space_all_are_taken(config, schema, sample, settled):
    config["sample"] = sample
    check(config, schema)
    notes = settle_samples(config, BUILT_IN)
    if settled is None:
        assert (notes, config["sample"]) == ([], sample)
    else:
        assert config["sample"] == {"nasbench201": settled}
        assert notes[0].endswith("nasbench201 has 15,625 architectures; all are taken.")
        assert len(shards_of(config, "nasbench201", "photos", "naswot", BUILT_IN)) == 9


@pytest.mark.parametrize(
    ("key", "changes", "message"),
    [
        ("training", {"images": "photos"}, "training.images = 'photos' is not allowed; it must be"),
        ("training", {"images": "cifar10"}, "the images 'cifar10' need a mirror"),
        ("training", {"momentum": 1}, "training.momentum = 1 is not allowed; it must be a number"),
        (
            "training",
            {"augment": "yes"},
            "training.augment = 'yes' is not allowed; it must be auto",
        ),
        ("training", {"epoch": 3}, "training.epoch is not a known key; did you mean epochs?"),
        ("figure6", {"space": "nasbench2"}, "figure6.space = 'nasbench2': there is no such space"),
        ("figure6", {"networks": 16}, "figure6.networks = 16 is not allowed; it must be a whole"),
        ("figure6", {"above": 100}, "figure6.above = 100 is not allowed; it must be a percentage"),
        (
            "figure6",
            {"accuracy": "test"},
            "figure6.accuracy = 'test' is not allowed; it must be the",
        ),
    ],
)
def test_a_wrong_setting_of_a_training_is_named(key, changes, message, config, schema):
    with pytest.raises(NaswotError) as caught:
        check(config | {key: config[key] | changes}, schema)
    assert message in str(caught.value)


def test_images_to_train_on_are_needed_only_where_something_is_trained(config, schema, tmp_path):
    (tmp_path / "space.py").write_text("def build(arch): ...")
    (tmp_path / "mine.csv").write_text("arch,a/test/1\na,50\nb,60\n")
    mine = {"networks": str(tmp_path / "space.py"), "accuracies": str(tmp_path / "mine.csv")}
    trained = {"networks": "natsbench_sss", "train": 3}
    about = {"custom_spaces": {"mine": mine, "new": trained}, "sample": "all"}
    about |= {"training": config["training"] | {"images": "cifar10"}}
    check(config | about | {"spaces": ["mine"]}, schema)
    with pytest.raises(NaswotError, match="the images 'cifar10' need a mirror"):
        check(config | about | {"spaces": ["mine", "new"]}, schema)


def test_digits_are_not_augmented_unless_asked_for(config):
    def augmented(**changes):
        return protocol(config | {"training": config["training"] | changes})["augment"]

    assert not augmented()
    assert augmented(augment=True)
    assert augmented(images="cifar10")
    assert not augmented(images="cifar10", augment=False)


def test_a_fitness_is_of_a_space_that_there_is(config, schema):
    wrong = config | {"search": config["search"] | {"fitness": {"sss": "cifar10/test/90"}}}
    with pytest.raises(NaswotError, match=r"search\.fitness\.sss: there is no such space"):
        check(wrong, schema)


def test_spaces_without_data_are_left_out_on_request_only(config, schema, tmp_path):
    (tmp_path / "natsbench_sss.parquet").touch()
    asked = config | {"mirror": str(tmp_path), "spaces": ["natsbench_sss", "nasbench201"]}
    with pytest.raises(NaswotError, match=r"lacks nasbench201\.parquet or .*skip_missing: true"):
        check(asked, schema)
    asked["skip_missing"] = True
    check(asked, schema)
    assert list(missing_spaces(asked, BUILT_IN)) == ["nasbench201"]
    assert {space for space, _ in runs_of(asked, BUILT_IN)} == {"natsbench_sss"}
    asked["spaces"] = ["nasbench201"]
    with pytest.raises(NaswotError, match="no data for any of the spaces"):
        check(asked, schema)


def test_nested_values_and_paths_of_the_command_line_are_understood(config, schema, tmp_path):
    given = config | {"sample": {"nasbench201": "1200"}, "mirror": f"{tmp_path}/"}
    normalise(given)
    assert given["sample"] == {"nasbench201": 1200}
    assert given["mirror"] == str(tmp_path)


def test_images_are_asked_for_only_where_a_space_needs_them(config, schema, tmp_path):
    (tmp_path / "nasbench101.parquet").touch()
    images = {"cifar10": "photos", "cifar100": "cifar100", "imagenet16_120": "imagenet16"}
    asked = {"spaces": ["nasbench101"], "sample": 1000, "mirror": str(tmp_path), "images": images}
    check(config | asked, schema)


def test_all_scores_are_every_score_and_aggregate(config, schema):
    mine = {"mine": {"scores": ["naswot", "params"], "by": "rank"}}
    every = config | {"scores": "all", "aggregates": mine}
    check(every, schema)
    assert scores_of(every) == [*FAMILY_OF, *AGGREGATES, "mine"]
    assert scores_of(config) == config["scores"]
    for wrong in ("every", []):
        with pytest.raises(NaswotError, match=r"scores = .* is not allowed; it must be all, or"):
            check(config | {"scores": wrong}, schema)


def test_a_missing_key_is_named(config, schema):
    del config["seed"]
    with pytest.raises(NaswotError, match="seed is missing"):
        check(config, schema)


def test_the_schema_and_its_messages_name_what_the_registries_hold(config, schema):
    check(config | {"scores": list(FAMILY_OF)}, schema)
    for key, wrong, named in (
        ("scores", ["none"], FAMILY_OF),
        ("methods", ["none"], METHODS),
        ("images", "none", SOURCES),
    ):
        with pytest.raises(NaswotError) as caught:
            check(config | {key: wrong}, schema)
        assert all(name in str(caught.value) for name in named)


def test_the_default_settings_of_searches_are_those_of_the_library(config):
    assert asdict(Settings()).items() <= config["search"].items()


def test_every_key_is_described(schema, config):
    assert set(schema["properties"]) == set(schema["required"]) == set(config)
    assert all(entry["description"] for entry in schema["properties"].values())
    search = schema["properties"]["search"]
    assert set(search["properties"]) == set(search["required"]) == set(config["search"])


def test_shards_shrink_as_scoring_takes_longer(config):
    large = copy.deepcopy(config) | {"images": "cifar10"}
    assert image_size(large, "cifar10") == 32
    assert shard_size(config, "nasbench201", "photos", "naswot", BUILT_IN) == 800
    assert shard_size(large, "nasbench201", "cifar10", "naswot", BUILT_IN) == 200
    fast = large | {"precision": "bfloat16"}
    assert shard_size(fast, "nasbench201", "cifar10", "naswot", BUILT_IN) == 400
    assert shard_size(fast, "nasbench201", "cifar10", "size", BUILT_IN) == round(200 / 0.4)
    assert shard_size(config | {"shard_size": 7}, "nasbench201", "photos", "naswot", BUILT_IN) == 7


def test_a_larger_sample_adds_shards_and_lengthens_the_last(config):
    def shards(sample, deduplicate=False):
        changed = {"sample": sample, "deduplicate": deduplicate, "shard_size": 100}
        return shards_of(config | changed, "nasbench201", "photos", "naswot", BUILT_IN)

    assert shards(250) == [(0, 100), (100, 200), (200, 250)]
    assert shards(301) == [(0, 100), (100, 200), (200, 300), (300, 301)]
    assert shards("all", deduplicate=True)[-1] == (6400, 6466)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"settings": {"epochs": "x"}},
            "supernet.settings.epochs = 'x' is not allowed; it must be",
        ),
        ({"settings": {"method": "gdas"}}, "'method' is not a setting of a search; there are"),
        ({"settings": {"selection_images": 1}}, "it must be a whole number of images from 2"),
        ({"searches": {"gdas": {"epoch": 3}}}, "is not a known key; did you mean epochs?"),
        ({"searches": {"gdas": {"temperatures": [9, 0]}}}, "it must be a number more than 0"),
        ({"searches": {"mine": {}}}, "supernet.searches.mine: 'mine' is not a method; name one"),
        ({"searches": {"rea": {"method": "gdas"}}}, "supernet.searches.rea: another search has"),
        ({"searches": {"rsps": None}}, "supernet.searches has no search that is not null"),
        ({"images": "cifar10", "tables": True}, "the images 'cifar10' need a mirror"),
    ],
)
def test_wrong_searches_with_shared_weights_are_named(section, message, config, schema):
    with pytest.raises(NaswotError) as caught:
        check(config | {"supernet": config["supernet"] | section}, schema)
    assert message in str(caught.value)


def test_settings_of_all_searches_and_of_one_are_put_together(config):
    about = {
        "settings": {"epochs": 3, "controller": {"steps": 2}},
        "searches": {"mine": {"method": "enas", "controller": {"samples": 4}}, "rsps": {}},
    }
    found = searches({"supernet": config["supernet"] | about})
    controller = {"steps": 2, "samples": 4}
    changes = {"augment": False, "epochs": 3}
    assert found == {
        "mine": {"method": "enas", "changes": changes | {"controller": controller}},
        "rsps": {"method": "rsps", "changes": changes | {"controller": {"steps": 2}}},
    }
