"""Read ImageNette, version 2: ten classes of ImageNet, with which the paper scores NDS networks.

A mirror holds the folder ``imagenette2`` with ``train`` and ``val`` in it, or one of the smaller
editions (short side 320 or 160 pixels), or the official archive of an edition. Source:
fastai/imagenette (Apache-2.0; the images are under ImageNet's terms).
"""

import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from naswot.errors import NaswotError
from naswot.images import decoding, folder
from naswot.images.drawing import Decoded, MiniBatch, choose_readable
from naswot.io.tar import explained, members, unpacked

EDITIONS = ("imagenette2", "imagenette2-320", "imagenette2-160")
FILES = (*EDITIONS, *(f"{edition}.tgz" for edition in EDITIONS))
ORIGIN = "ImageNette 2 training images (ImageNet terms, non-commercial research)"

# The largest photograph of ImageNet has about 15 MB.
LARGEST_BYTES = 64_000_000
LARGEST_ARCHIVE_BYTES = 2**32  # the largest edition has 1.6 GB when unpacked


def draw(count: int, size: int, generator: np.random.Generator, mirror: Path) -> MiniBatch:
    """Return `count` different training images, (count, 3, size, size), with their labels.

    An archive gives the same images as its unpacked folder.

    Raises:
        NaswotError: there are too few images, or the archive cannot be read.
    """
    found = next(mirror / file for file in FILES if (mirror / file).exists())
    return (_draw_packed if found.suffix == ".tgz" else folder.draw)(count, size, generator, found)


def _draw_packed(count: int, size: int, generator: np.random.Generator, path: Path) -> MiniBatch:
    names = sorted({name for name, _ in _training_images(path)}, key=str)  # as in folder.walk

    def read(indices: Sequence[int]) -> list[Decoded | NaswotError]:
        position = {names[index]: number for number, index in enumerate(indices)}
        pictures: list = [None] * len(indices)
        for name, content in _training_images(path):
            if name in position:
                found = decoding.attempt(size, path / name, io.BytesIO(content()))
                pictures[position[name]] = found
        return pictures

    chosen, pictures, skipped = choose_readable(len(names), count, generator, path, read)
    classes = [name.parent for name in names]
    return folder.label(pictures, chosen, classes, generator, path, skipped)


def _training_images(path: Path) -> Iterator[tuple[PurePosixPath, Callable[[], bytes]]]:
    """Yield the name of each training image in an archive, and a function that reads it."""
    with explained(path), unpacked(path) as stream:
        for member in members(stream, LARGEST_ARCHIVE_BYTES):
            name = PurePosixPath(member.name)
            training = "train" in name.parts[:-1]
            if not (member.isreg() and training and folder.is_image(name)):
                continue
            if member.size > LARGEST_BYTES:
                raise NaswotError(f"{path}: {name} claims {member.size:,} bytes.")
            yield name, partial(_content, stream, member)


def _content(stream: BinaryIO, member: tarfile.TarInfo) -> bytes:
    stream.seek(member.offset_data)
    return stream.read(member.size)
