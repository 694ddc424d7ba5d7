"""Read Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28×28 pixels, grey.

Source: Xiao, Rasul and Vollgraf 2017, https://github.com/zalandoresearch/fashion-mnist (MIT). The
Debian package dataset-fashion-mnist installs the files in `INSTALLED`. A file is in the format idx,
with or without gzip: two zero bytes, 8 (unsigned bytes), the number of dimensions, the dimensions
as big-endian 32-bit numbers, then the values. The files of MNIST have the same names and the same
form, so this module would take them for Fashion-MNIST.
"""

import gzip
import math
import zlib
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images.drawing import MiniBatch, choose, standardise

ORIGIN = "Fashion-MNIST training images (Xiao et al. 2017, Zalando SE; MIT)"
PACKAGE = "dataset-fashion-mnist"
INSTALLED = "/usr/share/datasets/fashion-mnist"
SIDE = 28
# Of the 60,000 training images, in each of the three equal channels, on the scale 0–255.
MEAN, STD = (72.9404,) * 3, (90.0212,) * 3
NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

FOLDERS = ("", "fashion-mnist", "images/fashion-mnist")
IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"
PARTS = {True: "train", False: "t10k"}  # whether for training → beginning of the files' names
ENDINGS = (".gz", "")
GZIP = b"\x1f\x8b"
# The largest official file has 60,000 images; a short file can claim or unpack to far more.
LARGEST_BYTES = 16 + 60_000 * SIDE * SIDE
CURE = f"Put an intact copy of the official file in its place (Debian has it in {PACKAGE})."


def draw(count: int, size: int, generator: np.random.Generator, directory: Path) -> MiniBatch:
    """Return `count` different training images, (count, 3, size, size), with their labels.

    The three channels are equal.

    Raises:
        NaswotError: there are fewer than `count`, or a file is missing or damaged.
    """
    grey, labels = _read_grey(directory)
    chosen = choose(len(grey), count, generator, directory)
    images = standardise(_coloured(grey[chosen], size).astype(np.float64), MEAN, STD)
    return MiniBatch(images, labels[chosen], len(NAMES), True)


def read(directory: Path, size: int = SIDE, train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (N, size, size, 3) and labels int64 (N,), in the official order.

    Args:
        directory: the folder of the files, or a folder with `FOLDERS` in it.
        size: side in pixels to which the images are resized, as pictures of folders are.
        train: whether to return the training images or the test images.

    Raises:
        NaswotError: a file is missing or damaged.
    """
    grey, labels = _read_grey(directory, train)
    return _coloured(grey, size), labels


def files(name: str = IMAGES.format(PARTS[True])) -> tuple[str, ...]:
    """Return the paths in a directory at which a file of this name is looked for."""
    return tuple(str(Path(folder, f"{name}{end}")) for folder in FOLDERS for end in ENDINGS)


def _read_grey(directory: Path, train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (N, 28, 28) and labels int64 (N,)."""
    part = PARTS[train]
    path, beside = (_found(directory, name.format(part)) for name in (IMAGES, LABELS))
    images, labels = _read_idx(path, 3), _read_idx(beside, 1)
    if images.shape[1:] != (SIDE, SIDE):
        size = "×".join(map(str, images.shape[1:]))
        raise NaswotError(f"{path} has images of {size} pixels, not {SIDE}×{SIDE}. {CURE}")
    if len(labels) != len(images):
        raise NaswotError(
            f"{beside} has {len(labels):,} labels for the {len(images):,} images of {path}. {CURE}"
        )
    if len(labels) and labels.max() >= len(NAMES):
        raise NaswotError(
            f"{beside} has the label {labels.max()}; labels are from 0 to {len(NAMES) - 1}. {CURE}"
        )
    return images, labels.astype(np.int64)


def _found(directory: Path, name: str) -> Path:
    """Return the file of this name in a directory."""
    found = next((directory / file for file in files(name) if (directory / file).is_file()), None)
    if found is None:
        raise NaswotError(f"{directory} lacks {name}.gz of Fashion-MNIST. {CURE}")
    return found


def _read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the bytes in an idx file, uint8, with so many dimensions."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            with gzip.open(file) if packed else nullcontext(file) as stream:
                content = stream.read(LARGEST_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise NaswotError(f"{path} cannot be read ({error}). {CURE}") from error
    start = bytes((0, 0, 8, dimensions))
    if not content.startswith(start):
        raise NaswotError(
            f"{path} is not an idx file of bytes with {dimensions} dimensions: it begins with "
            f"{content[:4].hex(' ') or 'nothing'}, not {start.hex(' ')}. {CURE}"
        )
    values = len(start) + 4 * dimensions
    shape = tuple(
        int.from_bytes(content[place : place + 4]) for place in range(len(start), values, 4)
    )
    if len(content) != values + math.prod(shape):
        claimed = "×".join(map(str, shape))
        raise NaswotError(
            f"{path} is truncated or too long: its header says {claimed} bytes of values, and "
            f"{max(0, len(content) - values):,} follow. {CURE}"
        )
    return np.frombuffer(content, np.uint8, offset=values).reshape(shape)


def _coloured(grey: np.ndarray, size: int) -> np.ndarray:
    """Return images (N, 28, 28) as (N, size, size, 3) with three equal channels."""
    if size != SIDE:
        from PIL import Image

        how = Image.Resampling.BILINEAR
        sized = [Image.fromarray(image).resize((size, size), how) for image in grey]
        grey = np.stack([np.asarray(image) for image in sized])
    return np.repeat(grey[..., None], 3, axis=-1)
