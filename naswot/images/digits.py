"""Read the handwritten digits in scikit-learn's wheel: real images with real labels, offline.

They are 1,797 images of 8×8 pixels in 17 shades of grey, about 180 of each of ten digits, by 13
writers: the test set of UCI's "Optical Recognition of Handwritten Digits" (E. Alpaydin and C.
Kaynak 1998, https://doi.org/10.24432/C50P49, CC BY 4.0), as in scikit-learn (BSD-3-Clause). The
set has no official split; this module always sets the same third aside as test images.
"""

from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images.drawing import MiniBatch, choose, standardise
from naswot.runtime.extras import extras_named

ORIGIN = "handwritten digits in scikit-learn (Alpaydin and Kaynak 1998, UCI; CC BY 4.0)"
CLASSES = 10
NAMES = tuple(map(str, range(CLASSES)))
COUNT, SIDE, SHADES = 1797, 8, 16
TESTED = 599  # a third


def draw(
    count: int, size: int, generator: np.random.Generator, directory: Path | None
) -> MiniBatch:
    """Return `count` different training images, (count, 3, size, size), with their labels.

    The three channels are equal, and standardised over all training images.

    Raises:
        NaswotError: there are fewer than `count`, or scikit-learn is missing or has other digits.
    """
    pixels, labels = read(size)
    chosen = choose(len(pixels), count, generator, "digits")
    images = standardise(pixels[chosen].astype(np.float64), *moments(pixels))
    return MiniBatch(images, labels[chosen], CLASSES, True)


def moments(pixels: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel of images (N, H, W, 3)."""
    mean, std = pixels.mean((0, 1, 2), np.float64), pixels.std((0, 1, 2), np.float64)
    return tuple(mean.tolist()), tuple(std.tolist())


def read(size: int = SIDE, train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (N, size, size, 3) and labels int64 (N,), in a fixed random order.

    Args:
        size: side in pixels to which the images are enlarged, bilinearly.
        train: whether to return the 1,198 training images or the 599 test images.

    Raises:
        NaswotError: scikit-learn is not installed or has other digits.
    """
    from skimage.transform import resize

    with extras_named():
        from sklearn.datasets import load_digits

    found = load_digits()
    if found.images.shape != (COUNT, SIDE, SIDE) or found.images.max() > SHADES:
        raise NaswotError(
            "The digits of the installed scikit-learn are not the expected 1,797 images; install "
            "another version."
        )
    order = np.random.default_rng(0).permutation(COUNT)
    chosen = order[TESTED:] if train else order[:TESTED]
    grey = found.images[chosen].transpose(1, 2, 0) / SHADES
    grey = resize(grey, (size, size), order=1).transpose(2, 0, 1)
    pixels = np.rint(255 * grey).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, axis=-1), found.target[chosen].astype(np.int64)
