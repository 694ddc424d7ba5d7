"""What a mini-batch is, and how one is drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.runtime.progress import log

# Of labels drawn at random for images that have none.
RANDOM_CLASSES = 10
# Of red, green and blue in luminance: ITU-R BT.601, as Pillow has them.
LUMINANCE = (0.299, 0.587, 0.114)
MOST_NAMED = 3  # files that a message names; it counts the others

Moments = np.ndarray | tuple[float, ...]  # a number a channel


@dataclass(frozen=True)
class MiniBatch:
    """Images with a label each.

    Attributes:
        images: float32 (B, 3, H, W), normalised.
        labels: int64 (B,), from 0 to `classes` - 1.
        classes: how many classes there are, not only in this batch.
        true_labels: whether the labels are those of the images; else they are random.
        skipped: why files could not be read, in whose place others were drawn, each with its name.
        whites: white → how many pictures of more than 8 bits a sample were read with it.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int
    true_labels: bool
    skipped: tuple[str, ...] = ()
    whites: Mapping[str, int] = field(default_factory=dict)


def choose(total: int, count: int, generator: np.random.Generator, origin: str | Path):
    """Return `count` different indices below `total`, at random, int64 (count,).

    Raises:
        NaswotError: there are fewer than `count`; the message names `origin`.
    """
    if total < count:
        raise NaswotError(
            f"{origin} has {total} images; a mini-batch of {count} is asked. Set batch_size "
            "(--batch-size on the command line), or add images."
        )
    return generator.choice(total, count, replace=False)


@dataclass(frozen=True)
class Decoded:
    """A picture: float32 (H, W, 3), black 0 and white 255, and which value of its file is white."""

    pixels: np.ndarray
    white: float = 255


# Some of the files by their indices → what is in them, in the same order.
ReadFiles = Callable[[Sequence[int]], Sequence[Decoded | NaswotError]]


def choose_readable(
    total: int, count: int, generator: np.random.Generator, origin: str | Path, read: ReadFiles
) -> tuple[np.ndarray, list[Decoded], tuple[str, ...]]:
    """Return the indices that `choose` returns, the pictures there, and why others were left out.

    In the place of each file that cannot be read comes another one. It depends on the generator
    too, of which that takes nothing: all else is drawn as if every file could be read.

    Raises:
        NaswotError: too few files can be read; the message names `origin` and one of the others.
    """
    chosen = choose(total, count, generator, origin)
    others = np.setdiff1d(np.arange(total), chosen)
    spare = list(generator.spawn(1)[0].permutation(others))
    pictures: list = [None] * count
    skipped: list[str] = []
    wanted = np.arange(count)  # places
    while len(wanted):
        failed = []
        for place, picture in zip(wanted, read(chosen[wanted]), strict=True):
            pictures[place] = picture
            if isinstance(picture, NaswotError):
                skipped.append(str(picture))
                failed.append(place)
        if len(spare) < len(failed):
            raise NaswotError(
                f"{origin} has {total} images, of which {len(skipped)} cannot be read; a "
                f"mini-batch of {count} is asked. {skipped[0]}"
            )
        wanted = np.array(failed, np.int64)
        chosen[wanted], spare = spare[: len(failed)], spare[len(failed) :]
    return chosen, pictures, tuple(skipped)


def told_of(skipped: Sequence[str]) -> str:
    """Return how many files could not be read, and why some of them, in one line."""
    more = len(skipped) - MOST_NAMED
    named = " ".join(skipped[:MOST_NAMED]) + (f" And {more} more." if more > 0 else "")
    return f"{len(skipped)} unreadable image{'s' if len(skipped) > 1 else ''}: {named}"


def whites_of(pictures: Sequence[Decoded], origin: str | Path) -> dict[str, int]:
    """Return white → how many pictures of more than 8 bits have it, and log it."""
    deep = sorted(picture.white for picture in pictures if picture.white != 255)
    counts = {f"{white:g}": deep.count(white) for white in dict.fromkeys(deep)}
    if counts:
        told = ", ".join(f"{white} ({count})" for white, count in counts.items())
        log.info("%s: the value that is white, of images beyond 8 bits: %s", origin, told)
    return counts


def unlabelled(
    images: np.ndarray, generator: np.random.Generator, classes: int = RANDOM_CLASSES
) -> MiniBatch:
    """Return `images` (B, 3, H, W) with random labels, drawn after the images."""
    return MiniBatch(images, generator.integers(classes, size=len(images)), classes, False)


def standardise(pixels: np.ndarray, mean: Moments, std: Moments) -> np.ndarray:
    """Return images (B, H, W, 3) as (B, 3, H, W), `mean` taken off and divided by `std` (3,)."""
    return ((pixels - mean) / std).transpose(0, 3, 1, 2)


def luminance(images: np.ndarray) -> np.ndarray:
    """Return images (B, 3, H, W) as (B, 1, H, W): the luminance of the normalised channels."""
    return np.tensordot(np.array(LUMINANCE, np.float32), images, (0, 1))[:, None]


def first_channel(images: np.ndarray) -> np.ndarray:
    """Return images (B, 3, H, W) as (B, 1, H, W), where any channel stands for all."""
    return images[:, :1]
