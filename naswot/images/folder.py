"""Read images from any folder of image files, such as ImageNette's.

The folder is searched at all levels, except hidden files and folders. The class of an image is the
folder that holds it.

Folders with the name of a part of a data set (`TRAIN`, `TESTS`, upper or lower case) are not
classes:

- if there are training folders, as in ImageNet and ImageNette, only these are read;
- else the test folders are left out;
- else, if no image would be left, all folders are read, and the folders in them are the classes.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath

import numpy as np

from naswot.errors import NaswotError
from naswot.images.decoding import ENDINGS, KINDS, attempt
from naswot.images.drawing import (
    Decoded,
    MiniBatch,
    choose_readable,
    standardise,
    unlabelled,
    whites_of,
)
from naswot.runtime.progress import log

# Hidden folders besides names that begin with a dot: macOS and Synology disks add them.
HIDDEN = {"__MACOSX", "@eaDir"}

TRAIN = ("train", "training")
TESTS = ("test", "testing", "val", "valid", "validation")

# Moments of ImageNet's images, on the scale 0–255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


ORIGIN = f"{KINDS} images of the user's (terms as stated by their owner)"


def draw(count: int, size: int, generator: np.random.Generator, folder: Path) -> MiniBatch:
    """Return `count` images of a folder, (count, 3, size, size), with their labels.

    The choice depends only on the generator and the sorted names; other files replace unreadable
    ones. The largest centred square of an image is resized, which equals resizing the short side
    and cropping the centre.

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


def nothing_in(folder: str | Path) -> str:
    """Return the message for a folder without images."""
    return (
        f"{folder} has no images: no {KINDS} files, named {', '.join(sorted(ENDINGS))}. Name the "
        "folder that they are in, or convert them to one of these formats."
    )


def image_files(folder: str | Path) -> list[Path]:
    """Return the images of a folder that are used; errors as `counted`."""
    return counted(folder)[0]


def counted(folder: str | Path) -> tuple[list[Path], str]:
    """Return the images of a folder that are used, and a note about the others ("" if none).

    Raises:
        NaswotError: there is no such folder, or it cannot be listed.
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
    """Return the folders in `folder` with one of `names` (in any case), in the order of `names`.

    Raises:
        NaswotError: there is no such folder, or it cannot be listed.
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
    """Return the folder of an image, relative to `folder` or to its training or test part."""
    first, *others = path.relative_to(folder).parent.parts or ("",)
    return PurePath(*others) if first.lower() in (*TRAIN, *TESTS) else PurePath(first, *others)


def walk(folder: str | Path) -> list[Path]:
    """Return the files in a folder, at any depth, that are named as images and not hidden.

    They are sorted by their path relative to the folder.

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
    """Return whether a path, in a folder or an archive, has an image's ending and is not hidden."""
    hidden = any(part.startswith(".") or part in HIDDEN for part in path.parts)
    return path.suffix.lower() in ENDINGS and not hidden


def label(
    pictures: Sequence[Decoded],
    chosen: np.ndarray,
    classes: Sequence[PurePath],
    generator: np.random.Generator,
    origin: Path,
    skipped: tuple[str, ...] = (),
) -> MiniBatch:
    """Return pictures as a mini-batch, standardised with ImageNet's moments, with labels.

    Args:
        pictures: the drawn images.
        chosen: the indices of the pictures among all images.
        classes: the classes of all images; in sorted order they are numbered as labels.
        generator: source of random labels, used if there are fewer than two classes.
        origin: the folder or archive, for the log.
        skipped: as in `MiniBatch`.
    """
    pixels = np.stack([picture.pixels for picture in pictures])
    images = standardise(pixels, np.array(MEAN, np.float32), np.array(STD, np.float32))
    names = sorted(set(classes), key=lambda path: "/".join(path.parts))
    if len(names) < 2:
        batch = unlabelled(images, generator)
    else:
        numbers = {name: number for number, name in enumerate(names)}
        labels = np.array([numbers[classes[index]] for index in chosen], np.int64)
        batch = MiniBatch(images, labels, len(names), True)
    return replace(batch, skipped=skipped, whites=whites_of(pictures, origin))


def fingerprint(folder: str | Path, every: bool = False) -> str:
    """Return a digest of the names, sizes and modification times of the images in a folder.

    It includes images that are not used (`counted`), such as test images, only if `every` is set.

    Raises:
        NaswotError: there is no such folder.
    """
    digest = hashlib.sha256()
    for path in walk(folder) if every else image_files(folder):
        about = path.stat()
        line = f"{path}\0{about.st_size}\0{about.st_mtime_ns}\n"
        digest.update(os.fsencode(line))  # a name need not be UTF-8
    return digest.hexdigest()
