"""Images of any folder of picture files, such as ImageNette's.

The folder is searched through all its levels, but for what is hidden. An image's class is the
folder that it lies in. Its content tells its format, not its name; of several pictures in a file
the first one counts. Its orientation is the one that it is stored in: a camera's note in the EXIF
data is never applied, so that every reader sees the same pixels.

Folders named as parts of a data set (`TRAIN`, `TESTS`, whatever their case) are no classes:

- where the folder has one for training, as ImageNet and ImageNette do, only that one counts;
- else those for tests are left out;
- else, where nothing would be left, they all count, and the folders in them are the classes.
"""

import hashlib
import importlib
import io
import logging
import os
import re
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from naswot.errors import NaswotError
from naswot.images.drawing import (
    Decoded,
    MiniBatch,
    choose_readable,
    standardise,
    unlabelled,
    whites_of,
)

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

log = logging.getLogger(__name__)

# Format, as in the names of Pillow's modules → how files of it are called.
FORMATS = {
    "Jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif"),
    "Png": (".png",),
    "WebP": (".webp",),
    "Bmp": (".bmp",),
    "Tiff": (".tif", ".tiff"),
}
ENDINGS = frozenset(ending for endings in FORMATS.values() for ending in endings)
KINDS = "JPEG, PNG, WebP, BMP or TIFF"

# What else is left out, besides names that begin with a dot: what macOS and Synology's disks add.
HIDDEN = {"__MACOSX", "@eaDir"}

TRAIN = ("train", "training")
TESTS = ("test", "testing", "val", "valid", "validation")

# Of ImageNet's images, on the scale 0–255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)

# A few kilobytes can claim to be a picture that fills the memory. Cameras take 200 megapixels.
LARGEST_PIXELS = 300_000_000
# Beyond this, pictures are decoded one at a time, and JPEG files only as finely as is needed.
LARGE_PIXELS = 80_000_000
ONE_LARGE = threading.Lock()
# Each goes over all pixels of a JPEG file, in as few as 90 bytes; cameras and programs write ten.
MOST_SCANS = 100

# Files of more than 8 bits a sample do not say how many of them count: a camera's 12 are stored
# in 16. White is the full range of the smallest of these depths that holds the largest value.
WHITES = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
# Of colours in 16 bits Pillow gives the upper 8; read in the other order of bytes, the lower 8.
LOWER = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in ("RGB", "RGBA", "RGBX")
    for order, other in (("L", "B"), ("B", "L"), ("N", "B" if sys.byteorder == "little" else "L"))
}

ORIENTATION = 0x0112  # in EXIF and TIFF

ORIGIN = f"{KINDS} images of the user's (terms as stated by their owner)"


def draw(count: int, size: int, generator: np.random.Generator, folder: Path) -> MiniBatch:
    """Return `count` images of a folder, (count, 3, size, size), with their labels.

    The choice depends on the generator and the sorted names alone; in the place of files that
    cannot be read come others. The largest centred square of an image is resized, which is to
    resize the short side and crop the centre.

    Raises:
        NaswotError: there are too few images that can be read.
    """
    paths, note = counted(folder)
    if note:
        log.info(note)
    if not paths:
        raise NaswotError(nothing_in(folder))
    with ThreadPoolExecutor() as pool:
        chosen, pictures, skipped = choose_readable(
            len(paths),
            count,
            generator,
            folder,
            lambda indices: list(pool.map(partial(attempt, size), [paths[i] for i in indices])),
        )
    classes = [class_of(path, folder) for path in paths]
    return label(pictures, chosen, classes, generator, folder, skipped)


def attempt(size: int, path: Path, content: BinaryIO | None = None) -> Decoded | NaswotError:
    """Return what `read` returns, or the error that it raises."""
    try:
        return read(path, size, content)
    except NaswotError as error:
        return error


def nothing_in(folder: str | Path) -> str:
    """Return what to tell whoever has given a folder without a picture."""
    return (
        f"{folder} has no images: no {KINDS} files, named {', '.join(sorted(ENDINGS))}. Name the "
        "folder that they are in, or convert them to one of these formats."
    )


def image_files(folder: str | Path) -> list[Path]:
    """Return the images of a folder that count; errors as `counted`."""
    return counted(folder)[0]


def counted(folder: str | Path) -> tuple[list[Path], str]:
    """Return the images of a folder that count, and what to say of the others, "" if nothing.

    Raises:
        NaswotError: there is no such folder, or it cannot be looked into.
    """
    folder = Path(folder)
    train, tests = parts_of(folder, TRAIN), parts_of(folder, TESTS)
    if train:
        found = [path for part in train for path in walk(part)]
        return found, f"{folder}: only the images in {_named(train)} count"
    found = walk(folder)
    kept = [path for path in found if path.relative_to(folder).parts[0].lower() not in TESTS]
    if not tests or len(kept) == len(found):
        return found, ""
    if kept:
        return kept, (
            f"{folder}: the images in {_named(tests)} are left out, as test images; if it is a "
            "class, rename it"
        )
    return found, f"{folder}: {_named(tests)} are taken for parts of the data set, not for classes"


def parts_of(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the folders in `folder` that have one of `names` in any case, in their order.

    Raises:
        NaswotError: there is no such folder, or it cannot be looked into.
    """
    if not folder.is_dir():
        raise NaswotError(f"{folder} is not a folder of images.")
    try:
        found = sorted(path for path in folder.iterdir() if path.name.lower() in names)
    except OSError as error:
        raise NaswotError(f"{folder} cannot be looked into: {error.strerror}.") from error
    return sorted(filter(Path.is_dir, found), key=lambda path: names.index(path.name.lower()))


def _named(parts: Sequence[Path]) -> str:
    return ", ".join(path.name for path in parts)


def class_of(path: Path, folder: Path) -> PurePath:
    """Return the folder that an image in `folder` lies in, seen from its part of the data set."""
    first, *others = path.relative_to(folder).parent.parts or ("",)
    return PurePath(*others) if first.lower() in (*TRAIN, *TESTS) else PurePath(first, *others)


def walk(folder: str | Path) -> list[Path]:
    """Return the files in a folder, at any depth, that are called as images and are not hidden.

    They are sorted by their path in it.

    Raises:
        NaswotError: there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NaswotError(f"{folder} is not a folder of images.")
    found = (path for path in folder.rglob("*") if is_image(path.relative_to(folder)))
    return sorted(
        (path for path in found if path.is_file()),
        key=lambda path: path.relative_to(folder).as_posix(),
    )


def is_image(path: PurePath) -> bool:
    """Return whether a path, in a folder or an archive, is called as images are and not hidden."""
    hidden = any(part.startswith(".") or part in HIDDEN for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def label(
    pictures: Sequence[Decoded],
    chosen: Sequence[int],
    classes: Sequence[PurePath],
    generator: np.random.Generator,
    origin: Path,
    skipped: tuple[str, ...] = (),
) -> MiniBatch:
    """Return pictures as images with ImageNet's mean and std taken off, and their labels.

    Args:
        pictures: what was drawn.
        chosen: the indices of the pictures among all images.
        classes: those of all images. Sorted, they give the labels, if there are two.
        generator: where random labels come from otherwise.
        origin: the folder or archive that the log names.
        skipped: as in `MiniBatch`.
    """
    pixels = np.stack([picture.pixels for picture in pictures])
    images = standardise(pixels, np.float32(MEAN), np.float32(STD))
    names = sorted(set(classes), key=lambda one: "/".join(one.parts))
    if len(names) < 2:
        batch = unlabelled(images, generator)
    else:
        numbers = {name: number for number, name in enumerate(names)}
        labels = np.array([numbers[classes[index]] for index in chosen], np.int64)
        batch = MiniBatch(images, labels, len(names), True)
    return replace(batch, skipped=skipped, whites=whites_of(pictures, origin))


def fingerprint(folder: str | Path, every: bool = False) -> str:
    """Return a digest of the names, sizes and times of the images in a folder.

    Those that do not count (`counted`), such as test images, do so only if `every` says so.

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


class _TooLargeError(Exception):
    """A picture has more pixels than are read."""


def decode(path: Path, size: int, content: BinaryIO | None = None) -> np.ndarray:
    """Return the pixels that `read` returns, (size, size, 3); arguments and errors as there."""
    return read(path, size, content).pixels


def read(path: Path, size: int, content: BinaryIO | None = None) -> Decoded:
    """Return the centre of an image.

    Args:
        path: the image's file, or its name in an archive.
        size: the side in pixels to which the largest centred square is resized.
        content: where to read it; None: from the file.

    Raises:
        NaswotError: it is no image of `FORMATS`, damaged, or too large.
    """
    try:
        return _decoded(content.read() if content else path.read_bytes(), size)
    except _TooLargeError as error:
        raise NaswotError(
            f"{path} is too large: {error} pixels, and {LARGEST_PIXELS:,} are the most that are "
            "read. Put a smaller copy in its place or remove it."
        ) from error
    except Exception as error:  # Pillow's decoders raise many kinds
        raise NaswotError(
            f"{path} is not a readable {KINDS} image ({str(error) or type(error).__name__}). Put "
            "an intact copy in its place or remove it."
        ) from error


def _decoded(stored: bytes, size: int) -> Decoded:
    if stored.startswith(b"\xff\xd8") and _scans(stored) > MOST_SCANS:
        raise ValueError(f"it has more than {MOST_SCANS} scans")
    with _opened(stored) as image:
        pixels = image.width * image.height
        if pixels > LARGEST_PIXELS:
            raise _TooLargeError(f"{image.width:,} × {image.height:,}")
        large = pixels > LARGE_PIXELS
        if large:
            image.draft(None, (size, size))  # a JPEG file's halves, quarters or eighths
        with ONE_LARGE if large else nullcontext():
            values = _deep(image, stored)
            if values is not None:
                return _scaled(values, size)
            return Decoded(_fitted(image if image.mode == "RGB" else image.convert("RGB"), size))


def _opened(stored: bytes) -> "ImageFile":
    """Return the image that a file's bytes are, whatever its name, not yet decoded.

    It is done without Image.open, which warns of large images and refuses larger ones.
    """
    from PIL import Image

    for name in FORMATS:
        importlib.import_module(f"PIL.{name}ImagePlugin")
        factory, accept = Image.OPEN[name.upper()]
        accepted = accept(stored[:16])
        if isinstance(accepted, str):
            raise ValueError(accepted)  # this Pillow lacks the format
        if accepted:
            image = factory(io.BytesIO(stored), "")
            if image.format == "TIFF":
                image.getexif().pop(ORIENTATION, None)  # else Pillow applies it
            return image
    raise ValueError("its content is of none of these formats")


def _fitted(image, size: int) -> np.ndarray:
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR), np.float32)


def _deep(image: "ImageFile", stored: bytes) -> np.ndarray | None:
    """Return the values of an image of more than 8 bits, (H, W) or (H, W, 3); None of another."""
    if image.mode[0] in "IF":
        return np.asarray(image)
    args = image.tile[0].args if image.tile else ""
    mode = args if isinstance(args, str) else str(args[0])
    if mode == "LA;16B":
        grey = np.asarray(_read_as(image, "RGBA"), np.uint16)  # upper and lower 8 bits, then alpha
        return grey[..., 0] << 8 | grey[..., 1]
    if mode in LOWER:
        lower = np.asarray(_read_as(_opened(stored), LOWER[mode]))[..., :3]
        return np.asarray(image)[..., :3].astype(np.uint16) << 8 | lower
    return None


def _read_as(image: "ImageFile", mode: str) -> "ImageFile":
    """Return `image`, of which Pillow will take the bytes for those of the raw mode `mode`."""
    image.tile = [
        tile._replace(args=mode if isinstance(tile.args, str) else (mode, *tile.args[1:]))
        for tile in image.tile
    ]
    return image


def _scaled(values: np.ndarray, size: int) -> Decoded:
    """Return the centre of an image of more than 8 bits, on the scale that its values tell."""
    from PIL import Image

    if not np.isfinite(values).all():
        raise ValueError("it has values that are no finite numbers")
    largest = float(values.max())
    if values.dtype.kind == "f":
        white = max(1.0, largest)
    else:
        white = next((white for white in WHITES if largest <= white), largest)
    channels = values[..., None] if values.ndim == 2 else values
    planes = [
        _fitted(Image.fromarray(np.ascontiguousarray(channels[..., one], np.float32)), size)
        for one in range(channels.shape[-1])
    ]
    pixels = np.clip(np.stack(planes, axis=-1) * np.float32(255 / white), 0, 255)
    return Decoded(np.broadcast_to(pixels, (size, size, 3)), white)
