"""List the ablations that a configuration asks for, and how each of their levels is scored.

An ablation varies one setting; a level is one value of it, and one job. Runs are planned with this
module, so it does not import torch.
"""

from collections.abc import Mapping
from typing import Any

from naswot.benchmarks.catalogue import Catalogue
from naswot.errors import NaswotError, shown
from naswot.images import SOURCES

# Ablations in Figure 5 of the paper, and ablations that the paper does not have.
FIGURE5 = ("batches", "noise", "initialisations", "batch_size")
BEYOND = ("scheme", "image_size", "classes")
VARIANCE = "variance"  # mini-batches × initialisations, crossed; a level is one mini-batch
ABLATIONS = (*FIGURE5, *BEYOND, VARIANCE)
# How the networks of an ablation are chosen.
CHOICES = ("percentiles", "random")


def check(config: Mapping[str, Any], catalogue: Catalogue) -> None:
    """Check the rules for `ablations` that a JSON Schema cannot express.

    Raises:
        NaswotError: one line that names the key and lists what is allowed.
    """
    wanted = config["ablations"]
    space = wanted["space"]
    if space not in catalogue:
        raise NaswotError(
            f"configuration: ablations.space = {shown(space)} is not allowed; it must be one of "
            f"{', '.join(catalogue)}."
        )
    if wanted["dataset"] not in catalogue[space].datasets:
        raise NaswotError(
            f"configuration: ablations.dataset = {wanted['dataset']!r} is not allowed; {space} was "
            f"trained on {', '.join(catalogue[space].datasets)}."
        )
    size = catalogue[space].space.size
    for key, count in (
        ("networks", wanted["networks"]),
        ("variance.networks", wanted["variance"]["networks"]),
    ):
        if size is not None and count > size:
            raise NaswotError(
                f"configuration: ablations.{key} = {count} is not allowed; {space} has {size} "
                "architectures."
            )


def levels_of(config: Mapping[str, Any], images: str) -> dict[str, list[str]]:
    """Return ablation → its levels, for networks scored on images of the source `images`."""
    wanted = config["ablations"]
    fixed_size = SOURCES[images].size
    return {
        "batches": [images],
        "noise": ["noise"],
        "initialisations": [images],
        "batch_size": [str(size) for size in wanted["batch_sizes"]],
        "scheme": list(wanted["schemes"]),
        "image_size": [str(size) for size in wanted["image_sizes"] if fixed_size in (None, size)],
        "classes": [str(count) for count in wanted["classes"]],
        VARIANCE: [str(batch) for batch in range(wanted["variance"]["batches"])],
    }


def left_out(config: Mapping[str, Any], images: str) -> dict[str, str]:
    """Return image size → the reason, for each configured image size that is left out."""
    fixed_size = SOURCES[images].size
    return {
        str(size): f"left out: images of {images} are {fixed_size} pixels wide and not resized"
        for size in config["ablations"]["image_sizes"]
        if fixed_size not in (None, size)
    }


def choice_of(ablation: str) -> str:
    """Return which of `CHOICES` an ablation uses."""
    return "random" if ablation == VARIANCE else "percentiles"


def count_of(config: Mapping[str, Any], choice: str) -> int:
    """Return how many networks a choice contains."""
    wanted = config["ablations"]
    return wanted["variance"]["networks"] if choice == "random" else wanted["networks"]


def setting_of(config: Mapping[str, Any], images: str, ablation: str, level: str) -> dict[str, Any]:
    """Return how the networks are scored at a level.

    Returns:
        `images`, `image_size` (pixels), `batch_size`, `classes` (outputs), `scheme` of the initial
        weights, and `seeds`: for each repeat the seed of the mini-batch and of the initial weights.
        Settings that the ablation does not vary are those of the run. Repeat 0 has the run's seed.
    """
    wanted, seed = config["ablations"], config["seed"]
    setting = {
        "images": images,
        "image_size": SOURCES[images].size or config["image_size"],
        "batch_size": config["batch_size"],
        "classes": 1,
        "scheme": "default",
    }
    if ablation in ("batch_size", "image_size", "classes"):
        setting[ablation] = int(level)
    elif ablation == "scheme":
        setting["scheme"] = level
    elif ablation == "noise":
        setting["images"] = "noise"
    many = ("batches", "noise", "initialisations")
    repeats = wanted["repeats"] if ablation in many else wanted["repeats_a_level"]
    if ablation == VARIANCE:
        setting["seeds"] = [
            [seed + int(level), seed + i] for i in range(wanted["variance"]["initialisations"])
        ]
    elif ablation in ("initialisations", "scheme", "classes"):
        setting["seeds"] = [[seed, seed + repeat] for repeat in range(repeats)]
    else:
        setting["seeds"] = [[seed + repeat, seed] for repeat in range(repeats)]
    return setting
