"""What a mini-batch is, and how one is drawn."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from naswot.arrays import read_arrays
from naswot.errors import NaswotError

# Of labels drawn at random for images that have none.
RANDOM_CLASSES = 10


@dataclass(frozen=True)
class MiniBatch:
    """Images with a label each.

    Attributes:
        images: float32 (B, 3, H, W), normalised.
        labels: int64 (B,), from 0 to `classes` - 1.
        classes: how many classes there are, not only in this batch.
        true_labels: whether the labels are those of the images; else they are random.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int
    true_labels: bool


def choose(total: int, count: int, generator: np.random.Generator, origin: str | Path):
    """Return `count` different indices below `total`, at random, int64 (count,).

    Raises:
        NaswotError: there are fewer than `count`; the message names `origin`.
    """
    if total < count:
        raise NaswotError(f"{origin} has {total} images; a mini-batch of {count} is asked.")
    return generator.choice(total, count, replace=False)


def unlabelled(
    images: np.ndarray, generator: np.random.Generator, classes: int = RANDOM_CLASSES
) -> MiniBatch:
    """Return `images` (B, 3, H, W) with random labels, drawn after the images."""
    return MiniBatch(images, generator.integers(classes, size=len(images)), classes, False)


def standardise(pixels: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return images (B, H, W, 3) as (B, 3, H, W), `mean` taken off and divided by `std` (3,)."""
    return ((pixels - mean) / std).transpose(0, 3, 1, 2)


def read_mini_batch(path: str | Path) -> MiniBatch:
    """Return what `naswot.images.write_mini_batch` wrote.

    Raises:
        NaswotError: the file is missing or damaged, or an older version wrote it without labels.
    """
    arrays = read_arrays(path)
    try:
        images, labels = arrays["images"], arrays["labels"]
        metadata = json.loads(str(arrays["metadata"]))
        return MiniBatch(images, labels, metadata["classes"], metadata["true_labels"])
    except (RecursionError, TypeError, ValueError) as error:
        raise NaswotError(
            f"{path} has metadata that cannot be read ({error}). Delete it and run again."
        ) from error
    except KeyError as error:
        raise NaswotError(
            f"{path} has no {error}: another version made it. Delete it and run again."
        ) from error
