"""Image sources: they provide the mini-batch that all networks are scored with.

A source is one entry of `SOURCES`. It gives float32 images (B, 3, H, W), normalised, not
augmented, each with a label, and the same images for the same seed; on request grey images,
(B, 1, H, W). Images without labels get random ones: scores that use a loss need labels, and an
untrained network has learned none.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from naswot.errors import NaswotError
from naswot.images import (
    archives,
    cifar,
    digits,
    fashion_mnist,
    folder,
    imagenet16,
    imagenette,
    noise,
    photos,
)
from naswot.images.drawing import MiniBatch, first_channel, luminance, told_of
from naswot.runtime.progress import log

Draw = Callable[[int, int, np.random.Generator, Any], MiniBatch]
COPY = "JPEG-copy"  # ending of the names of images that were compressed again
Read = Callable[[Path], tuple[np.ndarray, np.ndarray | None]]


@dataclass(frozen=True)
class Source:
    """One image source.

    Attributes:
        draw: (count, size, generator, directory) → images (count, 3, size, size) and labels.
        size: the fixed side of its images in pixels; None: any size.
        files: the files or folders in its directory that it can read; the first that exists is
            read; empty if it needs none.
        origin: description of the images, with their licence, for the metadata.
        directory: the configuration key of the directory.
        grey: turns images (B, 3, H, W) into grey images (B, 1, H, W).
        installed: the directory in which a package of the system has the files; None: no package.
        package: the name of the package in Debian.
        own_size: the side in pixels that a command takes unless it is told another one.
        to_train_on: (directory) → the file to train on, or None; unset: the same as to draw from.
        copy: that file, where it is a JPEG copy of the images.
    """

    draw: Draw
    size: int | None
    files: tuple[str, ...]
    origin: str
    directory: str = "mirror"
    grey: Callable[[np.ndarray], np.ndarray] = luminance
    installed: str | None = None
    package: str = ""
    own_size: int | None = None
    to_train_on: Callable[[Path], str | None] | None = None
    copy: str = ""

    def find(self, directory: str | Path, training: bool = False) -> str | None:
        """Return the file in `directory` to draw from, or with `training` to train on; or None.

        It is the first of `files` that is there. Where `to_train_on` is set, it chooses.
        """
        if training and self.to_train_on is not None:
            return self.to_train_on(Path(directory))
        return next((file for file in self.files if (Path(directory) / file).exists()), None)

    def place(self, directory: str | Path | None) -> str | None:
        """Return the directory to read: `directory`, or `installed` if only that has the files."""
        named = None if directory is None else str(directory)
        if self.installed is None or (named is not None and self.find(named)):
            return named
        return self.installed if self.find(self.installed) else named

    def trained(self, name: str, directory: str | Path | None) -> tuple[str, str]:
        """Return the name and origin that results of training on the images carry.

        Args:
            name: the name of this source.
            directory: what `place` returned. Where a JPEG copy in it is read, both say so.
        """
        if self.copy and directory is not None and self.find(directory, True) == self.copy:
            return f"{name}-{COPY}", f"JPEG copy (not the original pixels) of {self.origin}"
        return name, self.origin

    def cure(self) -> str:
        """Return a sentence on the package that has the files; empty if there is none."""
        return f" Or install them: apt-get install {self.package}." if self.package else ""


def _archived(archive: archives.Archive, official: Read, files: tuple[str, ...]) -> Source:
    """Return a source that reads an .npz archive, or the official files if the mirror lacks it."""

    def draw(count: int, size: int, generator: np.random.Generator, mirror: Path) -> MiniBatch:
        read: Read = archive.read
        path = mirror / archive.file
        if not path.exists() and any((mirror / file).exists() for file in files):
            path, read = mirror, official
        return archive.draw(*read(path), count, generator, path)

    return Source(
        draw,
        archive.size,
        (archive.file, *files),
        archive.origin,
        to_train_on=partial(archive.to_train_on, official=files),
        copy=archive.copy,
    )


SOURCES = {
    "photos": Source(photos.draw, None, (), photos.ORIGIN),
    "noise": Source(noise.draw, None, (), "standard normal noise", grey=first_channel),
    "digits": Source(digits.draw, None, (), digits.ORIGIN, grey=first_channel),
    **{
        name: _archived(archives.ARCHIVES[name], partial(cifar.read, name=name), cifar.files(name))
        for name in cifar.EDITIONS
    },
    "imagenet16": _archived(archives.ARCHIVES["imagenet16"], imagenet16.read, imagenet16.FOLDERS),
    "imagenette": Source(imagenette.draw, None, imagenette.FILES, imagenette.ORIGIN),
    "fashion_mnist": Source(
        fashion_mnist.draw,
        None,
        fashion_mnist.files(),
        fashion_mnist.ORIGIN,
        grey=first_channel,
        installed=fashion_mnist.INSTALLED,
        package=fashion_mnist.PACKAGE,
        own_size=fashion_mnist.SIDE,
    ),
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
    name: str,
    count: int,
    size: int,
    seed: int,
    directory: str | Path | None = None,
    channels: int = 3,
    strict: bool = False,
) -> MiniBatch:
    """Return `count` images of source `name`, float32 (count, channels, size, size), and labels.

    Args:
        name: name of the source.
        count: number of images.
        size: side of the images in pixels.
        seed: seed of the random choice.
        directory: where the source's files are: the mirror, or the folder of images. Where it has
            none of them, those that a package of the system installed are read.
        channels: 3, or 1 for grey: the luminance of the normalised channels (BT.601), and for
            digits, Fashion-MNIST and noise one of the channels.
        strict: raise an error for an unreadable file instead of drawing another one.

    Raises:
        NaswotError: unknown source, unavailable size, no directory, too few images, or, if
            `strict`, an unreadable file.
    """
    if channels not in (1, 3):
        raise NaswotError(f"Images have 1 or 3 channels, not {channels}.")
    source = get_source(name)
    if source.size is not None and size != source.size:
        raise NaswotError(f"The images of {name} are {source.size} pixels wide, not {size}.")
    directory = source.place(directory)
    if source.files:
        if directory is None:
            raise NaswotError(
                f"The images {name!r} need a directory: set `{source.directory}`.{source.cure()}"
            )
        if source.files != (".",) and source.find(directory) is None:
            files = ", ".join(source.files)
            raise NaswotError(f"{directory} lacks the images {name!r}: {files}.{source.cure()}")
    generator = np.random.default_rng(seed)
    batch = source.draw(count, size, generator, None if directory is None else Path(directory))
    if strict and batch.skipped:
        raise NaswotError(batch.skipped[0])
    if batch.skipped:
        log.warning("%s: others are drawn in place of %s", directory, told_of(batch.skipped))
    images = source.grey(batch.images) if channels == 1 else batch.images
    return replace(batch, images=np.ascontiguousarray(images, dtype=np.float32))
