"""Images of any folder of picture files, such as ImageNette's.

The folder is searched through all its levels, but for what is hidden. An image's class is the
folder that it lies in.

Folders named as parts of a data set (`TRAIN`, `TESTS`, whatever their case) are no classes:

- where the folder has one for training, as ImageNet and ImageNette do, only that one counts;
- else those for tests are left out;
- else, where nothing would be left, they all count, and the folders in them are the classes.
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

# What else is left out, besides names that begin with a dot: what macOS and Synology's disks add.
HIDDEN = {"__MACOSX", "@eaDir"}

TRAIN = ("train", "training")
TESTS = ("test", "testing", "val", "valid", "validation")

# Of ImageNet's images, on the scale 0–255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


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
    chosen: np.ndarray,
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
    images = standardise(pixels, np.array(MEAN, np.float32), np.array(STD, np.float32))
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
