"""Define the mini-batch, and draw and normalise its images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.runtime.progress import log

# Number of classes of random labels, for images without labels.
RANDOM_CLASSES = 10
# Weights of red, green and blue in luminance: ITU-R BT.601, as in Pillow.
LUMINANCE = (0.299, 0.587, 0.114)
MOST_NAMED = 3  # files that a message names; it only counts the others

Moments = np.ndarray | tuple[float, ...]  # one number per channel


@dataclass(frozen=True)
class MiniBatch:
    """Images with one label each.

    Attributes:
        images: float32 (B, 3, H, W), normalised.
        labels: int64 (B,), from 0 to `classes` - 1.
        classes: number of classes of the whole data set.
        true_labels: whether the labels belong to the images; else they are random.
        skipped: one message for each unreadable file that another file replaced.
        whites: white value → number of images of more than 8 bits per sample read with it.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: int
    true_labels: bool
    skipped: tuple[str, ...] = ()
    whites: Mapping[str, int] = field(default_factory=dict)


def choose(total: int, count: int, generator: np.random.Generator, origin: str | Path):
    """Return `count` different random indices below `total`, int64 (count,).

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
    """An image: float32 (H, W, 3) from black 0 to white 255, and the value of white in its file."""

    pixels: np.ndarray
    white: float = 255


# Indices of files → their images, or the errors of unreadable ones, in the same order.
ReadFiles = Callable[[Sequence[int]], Sequence[Decoded | NaswotError]]


def choose_readable(
    total: int, count: int, generator: np.random.Generator, origin: str | Path, read: ReadFiles
) -> tuple[np.ndarray, list[Decoded], tuple[str, ...]]:
    """Return random indices of readable files, their images, and messages of unreadable files.

    The indices are those of `choose`, except that another random file replaces each unreadable
    one. Replacements come from a spawned generator, so that later draws from `generator` do not
    depend on unreadable files.

    Raises:
        NaswotError: too few files can be read; the message names `origin` and an unreadable file.
    """
    chosen = choose(total, count, generator, origin)
    others = np.setdiff1d(np.arange(total), chosen)
    spare = list(generator.spawn(1)[0].permutation(others))
    pictures: list = [None] * count
    skipped: list[str] = []
    wanted = np.arange(count)  # positions in the mini-batch
    while len(wanted):
        failed = []
        for position, picture in zip(wanted, read(chosen[wanted]), strict=True):
            pictures[position] = picture
            if isinstance(picture, NaswotError):
                skipped.append(str(picture))
                failed.append(position)
        if len(spare) < len(failed):
            raise NaswotError(
                f"{origin} has {total} images, of which {len(skipped)} cannot be read; a "
                f"mini-batch of {count} is asked. {skipped[0]}"
            )
        wanted = np.array(failed, np.int64)
        chosen[wanted], spare = spare[: len(failed)], spare[len(failed) :]
    return chosen, pictures, tuple(skipped)


def told_of(skipped: Sequence[str]) -> str:
    """Return one line: the number of unreadable files, and the reasons for the first ones."""
    more = len(skipped) - MOST_NAMED
    named = " ".join(skipped[:MOST_NAMED]) + (f" And {more} more." if more > 0 else "")
    return f"{len(skipped)} unreadable image{'s' if len(skipped) > 1 else ''}: {named}"


def whites_of(pictures: Sequence[Decoded], origin: str | Path) -> dict[str, int]:
    """Return white value → number of images of more than 8 bits with it, and log it."""
    deep = sorted(picture.white for picture in pictures if picture.white != 255)
    counts = {f"{white:g}": deep.count(white) for white in dict.fromkeys(deep)}
    if counts:
        listed = ", ".join(f"{white} ({count})" for white, count in counts.items())
        log.info("%s: the value of white in images of more than 8 bits: %s", origin, listed)
    return counts


def unlabelled(
    images: np.ndarray, generator: np.random.Generator, classes: int = RANDOM_CLASSES
) -> MiniBatch:
    """Return `images` (B, 3, H, W) with random labels, drawn after the images."""
    return MiniBatch(images, generator.integers(classes, size=len(images)), classes, False)


def standardise(pixels: np.ndarray, mean: Moments, std: Moments) -> np.ndarray:
    """Return (images − mean) / std, for images (B, H, W, 3) and moments (3,), as (B, 3, H, W)."""
    return ((pixels - mean) / std).transpose(0, 3, 1, 2)


def luminance(images: np.ndarray) -> np.ndarray:
    """Return images (B, 3, H, W) as (B, 1, H, W): the luminance of the normalised channels."""
    return np.tensordot(np.array(LUMINANCE, np.float32), images, (0, 1))[:, None]


def first_channel(images: np.ndarray) -> np.ndarray:
    """Return the first channel of images (B, 3, H, W) as (B, 1, H, W)."""
    return images[:, :1]
