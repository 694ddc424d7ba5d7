"""Read whole labelled data sets, to train and to test networks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from naswot.errors import NaswotError
from naswot.images import (
    archives,
    cifar,
    digits,
    fashion_mnist,
    folder,
    get_source,
    imagenet16,
    imagenette,
    jpeg_copies,
)
from naswot.images.decoding import attempt
from naswot.images.drawing import told_of
from naswot.images.pickles import labels_of
from naswot.runtime.progress import log

# Sources that networks can be trained on; the others have no labels.
LABELLED = (
    "digits", "cifar10", "cifar100", "imagenet16", "imagenette", "fashion_mnist", "folder",
)  # fmt: skip
# Sources where a flip or a shift keeps the class: a mirrored shoe or shirt (Fashion-MNIST) is one,
# too, but a flipped digit may be another digit.
NATURAL = frozenset(LABELLED) - {"digits"}
# Share of the images that is set aside for tests where a source has no test images.
TESTED = 1 / 3

Images = tuple[np.ndarray, np.ndarray]  # uint8 (N, H, W, 3) and int64 (N,)
# Training images, test images if they are apart, and the names of the classes.
Contents = tuple[Images, Images | None, tuple[str, ...]]


@dataclass(frozen=True)
class LabelledImages:
    """A labelled data set, split into training, validation and test images.

    Attributes:
        train, valid, test: images uint8 (N, H, W, 3) and labels int64 (N,) from 0.
        classes: number of classes.
        mean, std: moments of each channel, on the scale 0–255, with which images are normalised;
            where benchmarks trained on the set, those of the benchmarks.
        names: name of each class, in the order of the labels; for archives its number.
        source, origin: what results call the images, and their description with the licence; both
            say so if the images are a JPEG copy.
    """

    train: Images
    valid: Images
    test: Images
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    names: tuple[str, ...] = ()
    source: str = ""
    origin: str = ""


def divide(
    name: str,
    directory: str | Path | None,
    size: int,
    seed: int,
    train_images: int | str = "all",
    valid_images: int | None = 0,
) -> LabelledImages:
    """Return the images of source `name`, with a random split into training and validation images.

    Args:
        name: one of `LABELLED`.
        directory: the directory of its files; None for digits, and for files that a package of the
            system installed.
        size: side of the images in pixels, for sources without a fixed size.
        seed: seed of the split.
        train_images: number of training images, or "all" except the validation images.
        valid_images: number of validation images, which do not depend on `train_images`; None: a
            tenth of `train_images`, or of all images.

    Raises:
        NaswotError: the files are missing or damaged, have no labels, or are too few.
    """
    if name not in LABELLED:
        raise NaswotError(
            f"The images {name!r} have no labels to train on; {', '.join(LABELLED)} do."
        )
    source = get_source(name)
    directory = source.place(directory)
    if source.files and directory is None:
        raise NaswotError(
            f"The images {name!r} need a directory: set `{source.directory}`.{source.cure()}"
        )
    where = None if directory is None else Path(directory)
    (pixels, labels), test, names = _read(name)(where, size)
    if test is None:
        order = np.random.default_rng(0).permutation(len(pixels))
        tested, kept = np.split(order, [round(TESTED * len(pixels))])
        test, (pixels, labels) = (pixels[tested], labels[tested]), (pixels[kept], labels[kept])
    if not len(test[0]):
        raise NaswotError(f"training: there are no test images of {name}, to test networks on.")
    if valid_images is None:
        valid_images = (len(pixels) if train_images == "all" else int(train_images)) // 10
    count = len(pixels) - valid_images if train_images == "all" else int(train_images)
    if count < 2 or count + valid_images > len(pixels):
        raise NaswotError(
            f"training: there are {len(pixels):,} training images of {name}, too few for "
            f"train_images = {train_images} and valid_images = {valid_images}."
        )
    mean, std = _moments(name, pixels)
    order = np.random.default_rng(seed).permutation(len(pixels))
    valid, train = order[:valid_images], order[valid_images : valid_images + count]
    parts = (pixels[train], labels[train]), (pixels[valid], labels[valid]), test
    about = source.trained(name, directory)
    return LabelledImages(*parts, len(names), mean, std, names, *about)


def _moments(name: str, pixels: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and std of each channel, with which mini-batches of `name` are normalised."""
    if name in archives.ARCHIVES:
        return archives.ARCHIVES[name].mean, archives.ARCHIVES[name].std
    if name == "fashion_mnist":
        return fashion_mnist.MEAN, fashion_mnist.STD
    return digits.moments(pixels) if name == "digits" else (folder.MEAN, folder.STD)


def _read(name: str) -> Callable[[Any, int], Contents]:
    """Return the reader of a source: (directory, size) → training, test images, and classes."""
    if name == "digits":
        return lambda _, size: (digits.read(size), digits.read(size, False), digits.NAMES)
    if name == "fashion_mnist":
        return _fashion_mnist
    if name in archives.ARCHIVES:
        return partial(_archived, archives.ARCHIVES[name])
    return partial(_folders, name)


def _fashion_mnist(directory: Path, size: int) -> Contents:
    train, test = (fashion_mnist.read(directory, size, part) for part in (True, False))
    return train, test, fashion_mnist.NAMES


def _archived(archive: archives.Archive, mirror: Path, _) -> Contents:
    """Read what `Archive.to_train_on` chooses: an .npz archive, official files or a JPEG copy."""
    path, names = mirror / archive.file, tuple(map(str, range(archive.classes)))
    file = get_source(archive.name).find(mirror, training=True)
    if file == archive.copy:
        log.info("%s: training on a JPEG copy, not on the original pixels", mirror / file)
        train, test = jpeg_copies.read(archive, mirror / file)
        return train, test, names
    if file != archive.file:
        read = imagenet16.read if archive.name == "imagenet16" else _cifar(archive.name)
        return read(mirror), read(mirror, train=False), names
    images, labels = archive.read(path)
    if labels is None:
        raise NaswotError(
            f"{path} has no labels of the {archive.classes} classes, so nothing can be trained on "
            "it; put the official files in its place."
        )
    return (images, labels), _test_arrays(archive, path), names


def _cifar(name: str) -> Callable[..., Images]:
    return partial(cifar.read, name=name)


def _test_arrays(archive: archives.Archive, path: Path) -> Images | None:
    from naswot.io.npz import read_arrays

    arrays = read_arrays(path)
    images = arrays.get("x_test")
    if images is None or "y_test" not in arrays:
        return None
    if images.dtype != np.uint8 or images.shape[1:] != (archive.size, archive.size, 3):
        raise NaswotError(f"{path}: x_test does not hold images such as the training images.")
    labels = labels_of(arrays, "y_test", len(images), *archive.stored, path)
    return images, labels - archive.stored[0]


def _folders(name: str, directory: Path, size: int) -> Contents:
    """Read a folder with one folder of images per class.

    The training images are those of `folder.counted`, except test images.
    """
    top = directory
    if name == "imagenette":
        found = get_source(name).find(directory)
        if found not in imagenette.EDITIONS:
            raise NaswotError(f"Unpack {directory / str(found)}: training reads the folder only.")
        top = directory / found
    paths, note = folder.counted(top)
    if note:
        log.info(note)
    test = _test_folder(top)
    paths = [path for path in paths if path.relative_to(top).parts[0].lower() not in folder.TESTS]
    classes = sorted({folder.class_of(path, top) for path in paths})
    if len(classes) < 2:
        raise NaswotError(f"{top} has no folders of images, one for each class, to train on.")
    tested = _decoded(folder.walk(test), top, classes, size) if test else None
    return _decoded(paths, top, classes, size), tested, tuple(map(str, classes))


def _test_folder(top: Path) -> Path | None:
    """Return the folder of labelled test images in `top`; None if there is no test folder.

    Raises:
        NaswotError: there is one, but it has no folders of classes.
    """
    found = folder.parts_of(top, folder.TESTS)
    for part in found:
        paths = folder.walk(part)
        if paths and all(path.parent != part for path in paths):
            return part
    if found:
        raise NaswotError(
            f"{found[0]} has no folders of images, one for each class, to test on. Remove it from "
            f"{top}, and a third of the training images is set aside."
        )
    return None


def _decoded(paths: list[Path], top: Path, classes: list[PurePath], size: int) -> Images:
    """Return the readable images of `paths`, with their labels."""
    numbers = {name: number for number, name in enumerate(classes)}
    strange = [path for path in paths if folder.class_of(path, top) not in numbers]
    if strange:
        raise NaswotError(f"{strange[0]} is of a class that has no training images.")
    pixels = np.empty((len(paths), size, size, 3), np.uint8)
    labels = np.array([numbers[folder.class_of(path, top)] for path in paths], np.int64)
    readable = np.ones(len(paths), bool)
    skipped: list[str] = []
    for index, path in enumerate(paths):
        found = attempt(size, path)
        if isinstance(found, NaswotError):
            readable[index] = False
            skipped.append(str(found))
        else:
            pixels[index] = np.rint(found.pixels)
    if skipped:
        log.warning("%s: left out %s", top, told_of(skipped))
        pixels, labels = pixels[readable], labels[readable]
    return pixels, labels
