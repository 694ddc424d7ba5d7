"""Read the custom search spaces of a configuration: the mapping `custom_spaces`.

A Python file (`naswot.spaces.custom`) or a built-in space builds the networks. Accuracies come
from a file (`naswot.benchmarks.custom`), or the workflow trains the networks: those in the column
`arch` of a CSV file, or a random sample of a space whose architectures can be listed.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue, Entry
from naswot.benchmarks.custom import dataset_of, read_table, source_of
from naswot.benchmarks.datasets import CUSTOM, Dataset, by_name
from naswot.benchmarks.sources import Source
from naswot.errors import NaswotError, shown
from naswot.images import get_source
from naswot.io.parquet import read_parquet
from naswot.spaces import Space
from naswot.spaces.custom import custom_space
from naswot.spaces.sampling import order_architectures
from naswot.training.protocol import EVALUATED
from naswot.workflow import paths

# Keys of a configuration: the arguments of `catalogue_of`.
CATALOGUE_KEYS = ("custom_spaces", "training", "seed", "mirror")
TAKEN = ("figure6",)  # names in paths of training results that are not spaces


def catalogue_of(
    spaces: Mapping[str, Mapping[str, Any]],
    training: Mapping[str, Any] | None = None,
    seed: int = 0,
    mirror: str | None = None,
) -> Catalogue:
    """Return the built-in search spaces and those that `custom_spaces` of a configuration adds.

    Args:
        spaces: name → ``networks``, a Python file or the name of a space; ``title``, optional;
            and either ``accuracies``, a CSV or Parquet file, or ``train``, the networks that the
            workflow trains: a CSV file that lists them, or how many to sample.
        training: `training` in the configuration; None where accuracies are not needed.
        seed: seed of the sample.
        mirror: the mirror directory, whose images may be a JPEG copy.

    Raises:
        NaswotError: a name is taken, or a file is missing or does not have the form above.
    """
    return BUILT_IN.with_custom(
        {name: _entry(name, about, training, seed, mirror) for name, about in spaces.items()}
    )


def _entry(
    name: str, about: Mapping[str, Any], training: Mapping | None, seed: int, mirror: str | None
) -> Entry:
    _check_form(name, about)
    if name in TAKEN or name in BUILT_IN:
        raise NaswotError(f"custom_spaces.{name}: there is a space of this name; choose another.")
    if ("accuracies" in about) == ("train" in about):
        raise NaswotError(
            f"custom_spaces.{name} needs either accuracies, a CSV file, or train, the networks to "
            "train."
        )
    space = _networks(name, about)
    title = about.get("title", name)
    if "accuracies" in about:
        path = _existing(name, about, "accuracies")
        table = read_table(path)
        architectures = tuple(table["arch"])
        source = source_of(path, f"accuracies of {title}")
        datasets = by_name(dataset_of(table, path))
    else:
        architectures = _to_train(name, about["train"], space, seed)
        source = Source(paths.TRAINED.format(space=name), read_parquet, made=True)
        datasets = by_name(_to_be_known(training, mirror)) if training else {}
    custom = dataclasses.replace(
        space,
        name=name,
        title=title,
        size=len(architectures),
        unique=None,
        architectures=lambda: architectures,
        neighbours=None,  # a list may hold isomorphs, which a built-in space's own search cannot
    )
    return Entry(custom, datasets, (source,))


FORMS: dict[str, Any] = {"networks": str, "accuracies": str, "train": (str, int), "title": str}


def _check_form(name: Any, about: Any) -> None:
    if not isinstance(name, str) or not isinstance(about, Mapping):
        raise NaswotError(f"custom_spaces: {shown(name)} must be a name that maps to settings.")
    for key, value in about.items():
        if key not in FORMS:
            known = ", ".join(FORMS)
            raise NaswotError(f"custom_spaces.{name} has {shown(key)}; it can have {known}.")
        if not isinstance(value, FORMS[key]) or isinstance(value, bool):
            raise NaswotError(f"custom_spaces.{name}.{key} = {shown(value)} is not allowed.")


def _to_be_known(training: Mapping[str, Any], mirror: str | None) -> Dataset:
    """Return the keys of the accuracies that training will measure."""
    images, _ = get_source(training["images"]).trained(training["images"], mirror)
    valid, test = (f"{images}/{part}/{training['epochs']}" for part in EVALUATED)
    return Dataset(CUSTOM, valid if training["valid_images"] else None, test)


def _networks(name: str, about: Mapping[str, Any]) -> Space:
    """Return the built-in space that `about` names, or a new space for the user's Python file."""
    if about["networks"] in BUILT_IN:
        return BUILT_IN[about["networks"]].space
    return custom_space(name, _existing(name, about, "networks"))


def _to_train(name: str, which: int | str, space: Space, seed: int) -> tuple[str, ...]:
    """Return the architectures to train: those of a CSV file, or a random sample."""
    if isinstance(which, str):
        return _listed(_existing(name, {"train": which}, "train"), space)
    if space.architectures is None or space.size is None:
        raise NaswotError(
            f"custom_spaces.{name}.train = {which}: no list of these networks exists to sample "
            "from; name a CSV file with a column 'arch'."
        )
    if which > space.size:
        raise NaswotError(
            f"custom_spaces.{name}.train = {which} is not allowed; {space.name} has {space.size:,} "
            "architectures."
        )
    drawn = order_architectures(space, space.architectures(), deduplicate=False, seed=seed)
    return tuple(drawn["arch"][:which])


def _listed(path: Path, space: Space) -> tuple[str, ...]:
    """Return the architectures of a CSV file, after checking that each can be trained."""
    architectures = tuple(read_table(path)["arch"])
    if len(architectures) < 2:
        raise NaswotError(f"{path} lists {len(architectures)} architectures; list at least two.")
    first: dict[str, int] = {}
    for row, arch in enumerate(architectures, 1):
        if first.setdefault(arch, row) != row:
            raise NaswotError(
                f"{path}, row {row}: {shown(arch)} repeats row {first[arch]}; remove one."
            )
        try:
            space.canonical(arch)
        except NaswotError as error:
            raise NaswotError(f"{path}, row {row}: {error}") from None
    return architectures


def _existing(name: str, about: Mapping[str, Any], key: str) -> Path:
    try:
        path = Path(about[key]).expanduser().resolve()
        found = path.is_file()
    except (OSError, RuntimeError, ValueError):  # unknown user in ~user, or an impossible path
        found = False
    if not found:
        raise NaswotError(
            f"custom_spaces.{name}.{key} = {shown(about[key])}: there is no such file."
        )
    return path
