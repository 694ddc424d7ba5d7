"""Images of any folder of JPEG and PNG files, such as ImageNette's.

The folder is searched through all its levels; where it has a folder `train`, as ImageNet and
ImageNette do, only that one counts. An image's class is the folder that it lies in. Its
orientation is the one that it is stored in: a camera's note in the EXIF data is never applied,
so that every reader sees the same pixels.
"""

import hashlib
import io
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePath
from typing import BinaryIO

import numpy as np

from naswot.errors import NaswotError
from naswot.images.drawing import MiniBatch, choose, standardise, unlabelled

ENDINGS = {".jpg", ".jpeg", ".png"}
FORMATS = ("JPEG", "PNG")

# Of ImageNet's images, on the scale 0–255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)

# A few kilobytes can claim to be a picture that fills the memory.
LARGEST_PIXELS = 80_000_000
# Each goes over all pixels of a JPEG file, in as few as 90 bytes; cameras and programs write ten.
MOST_SCANS = 100


ORIGIN = "JPEG and PNG images of the user's (terms as stated by their owner)"


def draw(count: int, size: int, generator: np.random.Generator, folder: Path) -> MiniBatch:
    """Return `count` images of a folder, (count, 3, size, size), with their labels.

    The choice depends on the generator and the sorted names alone. The largest centred square
    of an image is resized, which is to resize the short side and crop the centre.

    Raises:
        NaswotError: there are too few images, or one of those chosen cannot be read.
    """
    paths = image_files(folder)
    chosen = [paths[index] for index in choose(len(paths), count, generator, folder)]
    with ThreadPoolExecutor() as pool:
        pixels = np.stack(list(pool.map(partial(decode, size=size), chosen)))
    return label(pixels, chosen, paths, generator)


def image_files(folder: str | Path) -> list[Path]:
    """Return `walk` of a folder, or of its folder `train` if it has one; errors as there."""
    train = Path(folder) / "train"
    return walk(train if train.is_dir() else folder)


def walk(folder: str | Path) -> list[Path]:
    """Return the JPEG and PNG files in a folder, at any depth, sorted by their path in it.

    Raises:
        NaswotError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NaswotError(f"{folder} is not a folder of images.")
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    return sorted(
        (path for path in found if path.is_file()),
        key=lambda path: path.relative_to(folder).as_posix(),
    )


def label(
    pixels: np.ndarray,
    chosen: Sequence[PurePath],
    paths: Sequence[PurePath],
    generator: np.random.Generator,
) -> MiniBatch:
    """Return images (B, 3, H, W), with ImageNet's mean and std taken off, and their labels.

    Args:
        pixels: (B, H, W, 3) from 0 to 255.
        chosen: the images' paths.
        paths: those of all images. Their folders, sorted, are the classes, if there are two.
        generator: where random labels come from otherwise.
    """
    images = standardise(pixels, np.float32(MEAN), np.float32(STD))
    folders = sorted({path.parent for path in paths}, key=PurePath.as_posix)
    if len(folders) < 2:
        return unlabelled(images, generator)
    numbers = {folder: number for number, folder in enumerate(folders)}
    labels = np.array([numbers[path.parent] for path in chosen], np.int64)
    return MiniBatch(images, labels, len(folders), True)


def fingerprint(folder: str | Path, every: bool = False) -> str:
    """Return a digest of the names, sizes and times of the images in a folder.

    Those beside its folder `train`, such as test images, count only if `every` does.

    Raises:
        NaswotError: there is no such folder.
    """
    digest = hashlib.sha256()
    for path in walk(folder) if every else image_files(folder):
        about = path.stat()
        told = f"{path}\0{about.st_size}\0{about.st_mtime_ns}\n"
        digest.update(os.fsencode(told))  # a name may be no UTF-8
    return digest.hexdigest()


# What begins a segment: in a scan 0xFF is followed by 0 or a restart's number; 1 has no segment.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])", re.S)


def _scans(jpeg: bytes) -> int:
    """Return how many scans a JPEG image has; what a telephone puts behind it does not count."""
    count, place = 0, 2
    while found := _MARKER.search(jpeg, place):
        marker, place = found[1], found.end()
        if marker == b"\xd9":
            break
        count += marker == b"\xda"
        place += int.from_bytes(jpeg[place : place + 2], "big")  # past the segment, itself included
    return count


def decode(path: Path, size: int, content: BinaryIO | None = None) -> np.ndarray:
    """Return the centre of an image, float32 (size, size, 3) from 0 to 255.

    Args:
        path: the image's file, or its name in an archive.
        size: the side in pixels to which the largest centred square is resized.
        content: where to read it; None: from the file.

    Raises:
        NaswotError: it is no JPEG or PNG image, or damaged.
    """
    from PIL import Image, ImageOps

    try:
        stored = content.read() if content else path.read_bytes()
        if stored.startswith(b"\xff\xd8") and _scans(stored) > MOST_SCANS:
            raise ValueError(f"it has more than {MOST_SCANS} scans")
        with Image.open(io.BytesIO(stored), formats=FORMATS) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise ValueError(f"it claims {image.width} × {image.height} pixels")
            if image.mode.startswith("I"):  # 16 bits of grey, which convert() would cut off at 255
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            square = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
            return np.asarray(square, np.float32)
    except Exception as error:  # Pillow's decoders raise many kinds
        raise NaswotError(
            f"{path} is not a readable JPEG or PNG image ({error}). Put an intact copy in its "
            "place or remove it."
        ) from error
