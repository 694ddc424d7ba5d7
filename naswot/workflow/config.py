"""The configuration: checked once, before anything runs."""

import difflib
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from naswot.errors import NaswotError
from naswot.images import SOURCES
from naswot.sampling import scored_at_most
from naswot.spaces import SPACES, Space

# A shard of this many 16×16 mini-batches of 128 takes less than a minute on one core.
SHARD_SIZE_AT_16_PIXELS = 400


COMMAND_LINE_WORDS = {"true": True, "false": False, "null": None}


def read_words(config: MutableMapping[str, Any]) -> None:
    """Give YAML's meaning to `true`, `false` and `null` in `config`, in place.

    Snakemake reads them so in a file, but leaves them strings after ``--config``.
    """
    for key, value in config.items():
        if isinstance(value, str):
            config[key] = COMMAND_LINE_WORDS.get(value, value)


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a configuration against its JSON Schema and against the facts.

    Each property's description in the schema completes the sentence "… must be".

    Raises:
        NaswotError: one line that names the key and says what is allowed.
    """
    error = best_match(Draft202012Validator(schema).iter_errors(config))
    if error is not None:
        raise NaswotError(f"configuration: {_explain(error, schema)}")
    space = SPACES[config["space"]]
    pool = space.size if config["sample"] == "all" else config["sample"]
    if pool > space.size:
        raise NaswotError(
            f"configuration: sample = {pool} is not allowed; {space.name} has {space.size} "
            "architectures."
        )
    for method, sizes in config["sample_sizes"].items():
        if sizes and max(sizes) > pool:
            raise NaswotError(
                f"configuration: sample_sizes.{method} = {max(sizes)} is not allowed; there are "
                f"{pool} architectures to draw from."
            )
    _check_mirror(config, space)


def _check_mirror(config: Mapping[str, Any], space: Space) -> None:
    needed = {
        f"the images {name!r}": SOURCES[name].file
        for name in images_of(config).values()
        if SOURCES[name].file
    }
    mirror = config["mirror"]
    if mirror is None:
        for what, file in needed.items():
            raise NaswotError(
                f"configuration: {what} need a mirror: set `mirror` to a directory that holds "
                f"{file}."
            )
        return
    if not Path(mirror).is_dir():
        raise NaswotError(f"configuration: mirror = {mirror!r} is not allowed; no such directory.")
    needed[f"the space {space.name!r}"] = f"{space.name}.parquet"
    for what, file in needed.items():
        if not (Path(mirror) / file).is_file():
            raise NaswotError(
                f"configuration: mirror = {mirror!r} lacks {file}, which {what} is read from; "
                "docs/tables.md describes the directory."
            )


def images_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return dataset → image source, for the datasets asked for."""
    images = config["images"]
    return {
        dataset: images if isinstance(images, str) else images[dataset]
        for dataset in config["datasets"]
    }


def image_size(config: Mapping[str, Any], images: str) -> int:
    """Return the side in pixels of the images that a source gives under `config`."""
    return SOURCES[images].size or config["image_size"]


def shard_count(config: Mapping[str, Any], images: str) -> int:
    """Return into how many shards the scoring on an image source is cut."""
    scored = scored_at_most(SPACES[config["space"]], config["sample"], config["deduplicate"])
    size = config["shard_size"]
    if size == "auto":
        cost = (image_size(config, images) / 16) ** 2 * config["batch_size"] / 128
        size = max(1, round(SHARD_SIZE_AT_16_PIXELS / cost))
    return -(-scored // size)


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
    return f"{'.'.join(keys)} = {value!r} is not allowed; it must be {described['description']}."
