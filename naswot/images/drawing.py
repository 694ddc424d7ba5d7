"""How a mini-batch is drawn from a data set that is held in memory."""

from pathlib import Path

import numpy as np

from naswot.errors import NaswotError


def choose(total: int, count: int, generator: np.random.Generator, origin: str | Path):
    """Return `count` different indices below `total`, at random, int64 (count,).

    Raises:
        NaswotError: there are fewer than `count`; the message names `origin`.
    """
    if total < count:
        raise NaswotError(f"{origin} has {total} images; a mini-batch of {count} is asked.")
    return generator.choice(total, count, replace=False)


def draw(
    images: np.ndarray,
    count: int,
    generator: np.random.Generator,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    origin: str | Path,
) -> np.ndarray:
    """Return `count` different ones of `images`, float32 (count, 3, H, W), normalised.

    Args:
        images: uint8 (N, H, W, 3).
        count: how many to draw.
        generator: what the choice comes from.
        mean, std: of each channel, on the scale 0–255.
        origin: the file or folder that a message names.

    Raises:
        NaswotError: there are fewer than `count` images.
    """
    from naswot.images import standardise

    chosen = images[choose(len(images), count, generator, origin)].astype(np.float64)
    return standardise(chosen, np.array(mean), np.array(std)).astype(np.float32)
