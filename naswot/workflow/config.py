"""Check the configuration, once, before any job runs."""

import contextlib
import difflib
import math
import os.path
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match

from naswot.benchmarks.catalogue import Catalogue
from naswot.benchmarks.datasets import CUSTOM
from naswot.benchmarks.sources import files_of, find
from naswot.errors import NaswotError, shown
from naswot.images import SOURCES
from naswot.images.decoding import KINDS
from naswot.images.labelled import NATURAL
from naswot.io.yaml import is_bounded, parse_yaml
from naswot.scores import AGGREGATES, FAMILY_OF, Aggregate, Family, members_of
from naswot.scores.custom import family_named, family_of, is_custom
from naswot.spaces import Space
from naswot.spaces.sampling import Sample, sample_of, scored_at_most
from naswot.workflow import ablations, trained_study, weight_sharing
from naswot.workflow.custom_spaces import CATALOGUE_KEYS, catalogue_of

# On one core, a shard of this many architectures, scored in float32 on 128 images of 16×16 pixels,
# takes about a minute. Starting its job takes four seconds.
SHARD_SIZE_AT_16_PIXELS = 800
# Spaces that the paper's tables search: Table 1, Table 2(a) and (b).
SEARCHED = ("nasbench101", "nasbench201", "natsbench_sss")

# Old name of a key → its present name.
RENAMED = {
    "own_spaces": "custom_spaces",
    "images.own": "images.custom",
    "search.budget": "search.budget_s",
    "training.evaluations": "training.evaluations_per_epoch",
    "vote": "aggregates: {vote: {scores: […], by: vote}}",
}

# Values that YAML does not read as strings, although Snakemake may pass them as strings.
PLAIN = re.compile(r"true|false|null|[0-9]{1,99}(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?")


def _is_number(_: Any, value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


# Refuse 1.0 where an integer is needed, since slices and seeds do not take it; refuse infinity.
_Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": lambda _, value: type(value) is int, "number": _is_number}
    ),
)


def normalise(config: MutableMapping[str, Any]) -> None:
    """Parse strings in `config` as YAML values, and expand `~` in directories, in place.

    Snakemake leaves some values as strings: after ``--config`` `true`, `null` and nested values;
    from a file, numbers such as 5e-4.

    Raises:
        NaswotError: YAML aliases make the configuration endless or too large.
    """
    if not is_bounded(config):
        raise NaswotError("configuration: its YAML aliases form a cycle or expand without bound.")
    for key, value in config.items():
        config[key] = _meant(value)
    for key in ("mirror", "image_folder"):
        if isinstance(config.get(key), str):
            with contextlib.suppress(RuntimeError):  # there is no such user
                config[key] = str(Path(config[key]).expanduser())


def _meant(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _meant(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_meant(item) for item in value]
    if isinstance(value, str) and PLAIN.fullmatch(value):
        return parse_yaml(value)
    return value


def check_renamed(config: Mapping[str, Any]) -> None:
    """Check that a configuration has no key of an earlier version; see `RENAMED`.

    Raises:
        NaswotError: it has one; the message names the new key.
    """
    for old, new in RENAMED.items():
        *path, key = old.split(".")
        part = config.get(path[0]) if path else config
        if isinstance(part, Mapping) and key in part:
            raise NaswotError(f"configuration: {old} is now called {new}.")


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Catalogue:
    """Check a configuration against its JSON Schema, the search spaces and the files on disk.

    Each property's description in the schema completes the sentence "… must be".

    Returns:
        The built-in search spaces and the custom ones of the configuration.

    Raises:
        NaswotError: one line that names the key and lists what is allowed.
    """
    check_renamed(config)
    error = best_match(_Validator(schema).iter_errors(config))
    if error is not None:
        raise NaswotError(f"configuration: {_explain(error, schema)}")
    _check_scores(config)
    trained_study.check(config, aggregates_of(config))
    weight_sharing.check(config)
    catalogue = catalogue_of(*(config[key] for key in CATALOGUE_KEYS))
    for name in config["sample"] if isinstance(config["sample"], Mapping) else ():
        if name not in catalogue:
            raise NaswotError(f"configuration: sample.{name}: there is no such space.")
    for name in config["search"]["fitness"]:
        if name not in catalogue:
            raise NaswotError(f"configuration: search.fitness.{name}: there is no such space.")
    if config["kernels"]["shown"] > config["kernels"]["networks"]:
        raise NaswotError(
            f"configuration: kernels.shown = {config['kernels']['shown']} is not allowed; it must "
            f"be at most kernels.networks, {config['kernels']['networks']}."
        )
    if config["figure6"]["space"] not in catalogue:
        raise NaswotError(
            f"configuration: figure6.space = {shown(config['figure6']['space'])}: there is no such "
            "space."
        )
    if _trains(config):
        _check_images(config, config["training"]["images"])
    if config["supernet"]["tables"]:
        _check_images(config, config["supernet"]["images"])
    for name in config["spaces"]:
        if name not in catalogue:
            raise NaswotError(
                f"configuration: spaces has {shown(name)}, which is neither in custom_spaces nor "
                f"one of {', '.join(catalogue)}."
            )
        _check_sizes(config, catalogue[name].space)
        trained = catalogue[name].datasets
        if not trained.keys() & {*config["datasets"], CUSTOM}:
            raise NaswotError(
                f"configuration: datasets has none that {name} was trained on "
                f"({', '.join(trained)})."
            )
    ablations.check(config, catalogue)
    _check_mirror(config, catalogue)
    return catalogue


def _trains(config: Mapping[str, Any]) -> bool:
    """Return whether this run trains networks for one of its spaces."""
    trained = {name for name, about in config["custom_spaces"].items() if "train" in about}
    return not {config["figure6"]["space"], *trained}.isdisjoint(config["spaces"])


def _check_sizes(config: Mapping[str, Any], space: Space) -> None:
    sample = sample_of(config["sample"], space.name)
    if sample is None:
        raise NaswotError(f"configuration: sample.{space.name} is missing.")
    if sample == "all" and space.size is None:
        raise NaswotError(
            f"configuration: sample = all is not allowed for {space.name}, because only its "
            "benchmark table lists the architectures; give a number."
        )
    pool = space.size if sample == "all" or _exceeds(sample, space) else sample
    for method, sizes in config["sample_sizes"].items():
        if space.name in SEARCHED and max(sizes) > pool:
            raise NaswotError(
                f"configuration: sample_sizes.{method} = {max(sizes)} is not allowed; there are "
                f"{pool} architectures of {space.name} to draw from."
            )


def _exceeds(sample: Sample, space: Space) -> bool:
    return sample != "all" and space.size is not None and sample > space.size


def settle_samples(config: MutableMapping[str, Any], catalogue: Catalogue) -> list[str]:
    """Replace samples larger than their space by "all", in place; return one note per sample."""
    samples = {name: sample_of(config["sample"], name) for name in config["spaces"]}
    spaces = {name: catalogue[name].space for name in samples}
    large = {name: sample for name, sample in samples.items() if _exceeds(sample, spaces[name])}
    if large:
        config["sample"] = samples | dict.fromkeys(large, "all")
    return [
        f"sample = {sample}: {name} has {spaces[name].size:,} architectures; all are taken."
        for name, sample in large.items()
    ]


def _check_mirror(config: Mapping[str, Any], catalogue: Catalogue) -> None:
    mirror = config["mirror"]
    if mirror is not None and not os.path.isdir(mirror):
        raise NaswotError(
            f"configuration: mirror = {shown(mirror)} is not allowed; no such directory."
        )
    images = images_of(config)
    for dataset in sorted({dataset for _, dataset in runs_of(config, catalogue)}):
        if dataset not in images:
            raise NaswotError(f"configuration: images.{dataset} is missing.")
        _check_images(config, images[dataset])
    missing = missing_spaces(config, catalogue)
    if missing and not config["skip_missing"]:
        raise NaswotError(
            f"configuration: {next(iter(missing.values()))}; docs/reference/spaces.md describes "
            "the directory. To run without it, set skip_missing: true."
        )
    if len(missing) == len(config["spaces"]):
        raise NaswotError("configuration: there is no data for any of the spaces.")


def _check_images(config: Mapping[str, Any], name: str) -> None:
    source = SOURCES[name]
    directory = source.place(config[source.directory])
    if not source.files:
        return
    files = ", ".join(source.files) if source.files != (".",) else f"{KINDS} images"
    if directory is None:
        raise NaswotError(
            f"configuration: the images {name!r} need a {source.directory}: set "
            f"`{source.directory}` to a directory that holds {files}.{source.cure()}"
        )
    if not os.path.isdir(directory):
        raise NaswotError(
            f"configuration: {source.directory} = {shown(directory)} is not allowed; no such "
            "directory."
        )
    if source.find(directory) is None:
        raise NaswotError(
            f"configuration: {source.directory} = {shown(directory)} lacks the images {name!r}, "
            f"which are read from {files}; docs/reference/spaces.md describes the directory."
            f"{source.cure()}"
        )


def missing_spaces(config: Mapping[str, Any], catalogue: Catalogue) -> dict[str, str]:
    """Return space → what is missing, for each configured space without data."""
    mirror, missing = config["mirror"], {}
    for space in config["spaces"]:
        sources = catalogue[space].sources
        files = files_of(sources)
        if find(sources, mirror) is not None:
            continue
        if mirror is None:
            missing[space] = f"the space {space!r} needs a mirror that holds {files}"
        else:
            missing[space] = (
                f"mirror = {shown(mirror)} lacks {files}, which the space {space!r} is read from"
            )
    return missing


def aggregates_of(config: Mapping[str, Any]) -> dict[str, Aggregate]:
    """Return the aggregates of scores, built-in and those of the configuration, by name."""
    own = {
        name: Aggregate(tuple(about["scores"]), about["by"])
        for name, about in config["aggregates"].items()
    }
    return {**AGGREGATES, **own}


def scores_of(config: Mapping[str, Any]) -> list[str]:
    """Return the scores of a run; "all" is every built-in score and every aggregate."""
    scores = config["scores"]
    return [*FAMILY_OF, *aggregates_of(config)] if scores == "all" else scores


def known_scores(config: Mapping[str, Any]) -> dict[str, Family]:
    """Return the scores that may be computed, built-in and custom, each with its family.

    Raises:
        NaswotError: a custom score cannot be imported.
    """
    names = members_of(scores_of(config), aggregates_of(config))
    return {name: family_of(name) for name in [*FAMILY_OF, *filter(is_custom, names)]}


def _check_scores(config: Mapping[str, Any]) -> None:
    aggregates = aggregates_of(config)
    for name in aggregates:
        if name in FAMILY_OF or is_custom(name):
            raise NaswotError(f"configuration: aggregates.{name}: there is a score of this name.")
    for name, aggregate in aggregates.items():
        if nested := [member for member in aggregate.scores if member in aggregates]:
            raise NaswotError(
                f"configuration: aggregates.{name}: {nested[0]} is an aggregate; name scores."
            )
    for name in members_of([*scores_of(config), *config["aggregates"]], aggregates):
        if name not in FAMILY_OF and not is_custom(name):
            known = ", ".join([*FAMILY_OF, *aggregates])
            raise NaswotError(
                f"configuration: there is no score {shown(name)}; there are {known}, and your own, "
                "MODULE:FUNCTION."
            )
    for name in config["search_scores"] or ():
        if name in ("scored", "whole"):  # folders of searches that have these names already
            raise NaswotError(
                f"configuration: search_scores: {shown(name)} is the name of a pool; rename it."
            )
        if name not in scores_of(config):
            raise NaswotError(
                f"configuration: search_scores: {shown(name)} is not one of scores, which are "
                f"{', '.join(scores_of(config))}."
            )
    try:
        known_scores(config)
    except NaswotError as error:
        raise NaswotError(f"configuration: scores: {error}") from error


def runs_of(config: Mapping[str, Any], catalogue: Catalogue) -> list[tuple[str, str]]:
    """Return the pairs of space and dataset of a run, without the missing spaces."""
    missing = missing_spaces(config, catalogue)
    return [
        (space, dataset)
        for space in config["spaces"]
        if space not in missing
        for dataset in (*config["datasets"], CUSTOM)
        if dataset in catalogue[space].datasets
    ]


def images_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return dataset → image source, for each configured dataset that has one."""
    images = config["images"]
    return {
        dataset: images if isinstance(images, str) else images[dataset]
        for dataset in (*config["datasets"], CUSTOM)
        if isinstance(images, str) or dataset in images
    }


def image_directory(config: Mapping[str, Any], images: str) -> str | None:
    """Return the directory that an image source reads; None if it needs none or none is set."""
    source = SOURCES[images]
    return source.place(config[source.directory]) if source.files else None


def images_trained_on(config: Mapping[str, Any], images: str) -> str:
    """Return what results of training on an image source call its images under `config`."""
    return SOURCES[images].trained(images, image_directory(config, images))[0]


def image_size(config: Mapping[str, Any], images: str) -> int:
    """Return the side in pixels of the images of a source under `config`."""
    return SOURCES[images].size or config["image_size"]


def protocol(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how networks are trained: the fields of `naswot.training.protocol.Protocol`."""
    about = config["training"]
    data = ("images", "train_images", "valid_images")
    settings = {key: value for key, value in about.items() if key not in data}
    if about["augment"] == "auto":
        settings["augment"] = about["images"] in NATURAL
    return settings


def shard_size(
    config: Mapping[str, Any],
    space: str,
    images: str,
    family: str,
    catalogue: Catalogue,
) -> int:
    """Return the number of architectures per shard for a space, image source and score family."""
    if config["shard_size"] != "auto":
        return config["shard_size"]
    pixels = (image_size(config, images) / 16) ** 2 * config["batch_size"] / 128
    known = family_named(family)
    cost = catalogue[space].space.relative_cost * pixels * known.relative_cost
    if known.options and config["precision"] == "bfloat16":
        cost /= 2
    return max(1, round(SHARD_SIZE_AT_16_PIXELS / cost))


def shards_of(
    config: Mapping[str, Any],
    space: str,
    images: str,
    family: str,
    catalogue: Catalogue,
) -> list[tuple[int, int]]:
    """Return the shards of the architectures to score: ranges (first, last), without `last`.

    A larger sample extends the last shard and adds further shards.
    """
    sample = sample_of(config["sample"], space)
    scored = scored_at_most(catalogue[space].space, sample, config["deduplicate"])
    size = shard_size(config, space, images, family, catalogue)
    return [(first, min(first + size, scored)) for first in range(0, scored, size)]


def _explain(error: ValidationError, schema: Mapping[str, Any]) -> str:
    if error.validator == "additionalProperties":
        unknown = next(key for key in error.instance if key not in error.schema["properties"])
        key = ".".join(map(str, [*error.absolute_path, unknown]))
        allowed = list(error.schema["properties"])
        close = difflib.get_close_matches(str(unknown), allowed, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        return f"{key} is not a known key; {hint}Known keys: {', '.join(allowed)}."
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"{'.'.join(map(str, [*error.absolute_path, missing]))} is missing."
    keys = [str(step) for step in error.absolute_path if isinstance(step, str)]
    described: Mapping[str, Any] = schema
    for key in keys:
        described = described.get("properties", {}).get(key, described)
    value = error.instance
    about = error.schema.get("description", described["description"])
    return f"{'.'.join(keys)} = {shown(value)} is not allowed; it must be {about}."
