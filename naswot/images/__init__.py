"""Image sources: where the mini-batch comes from that every network is shown.

A source is one entry of `SOURCES`. All give float32 images (B, 3, H, W), normalised, not
augmented, and the same ones for the same seed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images import archives, cifar, folder, imagenet16, imagenette, noise, photos

Draw = Callable[[int, int, np.random.Generator, Path], np.ndarray]


@dataclass(frozen=True)
class Source:
    """One image source.

    Attributes:
        draw: (count, size, generator, directory) → float32 images (count, 3, size, size).
        size: the side in pixels, where the source has one of its own; else None: any.
        files: the files or folders in its directory that it can read, the first one that is
            there; empty if it needs none.
        origin: what the images are, with their licence, for the metadata.
        directory: the configuration's key that names the directory.
    """

    draw: Draw
    size: int | None
    files: tuple[str, ...]
    origin: str
    directory: str = "mirror"

    def find(self, directory: str | Path) -> str | None:
        """Return the first of `files` that `directory` has, or None."""
        return next((file for file in self.files if (Path(directory) / file).exists()), None)


def _archived(archive: archives.Archive, official: Draw, files: tuple[str, ...]) -> Source:
    """Return the source of an .npz archive, or, in a mirror without it, of the official files."""

    def draw(count: int, size: int, generator: np.random.Generator, mirror: Path) -> np.ndarray:
        found = (mirror / archive.file).exists() or not any((mirror / f).exists() for f in files)
        return (archive.draw if found else official)(count, size, generator, mirror)

    return Source(draw, archive.size, (archive.file, *files), archive.origin)


SOURCES = {
    "photos": Source(photos.draw, None, (), photos.ORIGIN),
    "noise": Source(noise.draw, None, (), "standard normal noise"),
    **{
        name: _archived(archives.ARCHIVES[name], cifar.Cifar(name).draw, cifar.files(name))
        for name in cifar.EDITIONS
    },
    "imagenet16": _archived(archives.ARCHIVES["imagenet16"], imagenet16.draw, imagenet16.FOLDERS),
    "imagenette": Source(imagenette.draw, None, imagenette.FILES, imagenette.ORIGIN),
    "folder": Source(folder.draw, None, (".",), folder.ORIGIN, directory="image_folder"),
}


def get_source(name: str) -> Source:
    """Return the image source called `name`.

    Raises:
        NaswotError: there is no such source.
    """
    if name not in SOURCES:
        raise NaswotError(f"There are no images {name!r}; there are: {', '.join(SOURCES)}.")
    return SOURCES[name]


def mini_batch(
    name: str, count: int, size: int, seed: int, directory: str | Path | None = None
) -> np.ndarray:
    """Return `count` images of source `name`, float32 (count, 3, size, size).

    `directory` is where its files are: the mirror, or the folder of images.

    Raises:
        NaswotError: unknown source, a size that it does not have, or no directory.
    """
    source = get_source(name)
    if source.size is not None and size != source.size:
        raise NaswotError(f"The images of {name} are {source.size} pixels wide, not {size}.")
    if source.files and directory is None:
        raise NaswotError(f"The images {name!r} need a directory: set `{source.directory}`.")
    generator = np.random.default_rng(seed)
    images = source.draw(count, size, generator, directory and Path(directory))
    return np.ascontiguousarray(images, dtype=np.float32)


def write_mini_batch(
    output: str | Path,
    *,
    name: str,
    count: int,
    size: int,
    seed: int,
    directory: str | Path | None = None,
) -> None:
    """Write `mini_batch` to an .npz file, as the array `images`; arguments as there."""
    from naswot.files import write_arrays
    from naswot.provenance import described

    images = mini_batch(name, count, size, seed, directory)
    source = get_source(name)
    file = source.find(directory) if directory is not None else None
    settings = described(images=name, size=size, count=count, seed=seed, file=file)
    write_arrays(output, settings | {"origin": source.origin}, images=images)


def standardise(pixels: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return images (B, H, W, 3) as (B, 3, H, W), `mean` taken off and divided by `std` (3,)."""
    return ((pixels - mean) / std).transpose(0, 3, 1, 2)
