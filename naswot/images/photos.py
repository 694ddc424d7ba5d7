"""Draw random patches of the photographs in scikit-image's wheel.

They need no download, and the score depends so little on the images that the ranking of networks
is almost the same as with CIFAR-10. The photographs are free to use: Eileen Collins (NASA, public
domain), Chelsea the cat (Stefan van der Walt, CC0) and a cup of coffee (Rachel Michetti, CC0).
"""

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images.drawing import MiniBatch, standardise, unlabelled

ORIGIN = "random patches of photographs in scikit-image (public domain and CC0)"

SHA256 = {
    "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
}

# Minimum side of a patch in pixels; the maximum is the short side of the photograph.
SMALLEST_PATCH = 32


def draw(count: int, size: int, generator: np.random.Generator, mirror: Path | None) -> MiniBatch:
    """Return images (count, 3, size, size): square patches, resized, each channel standardised.

    The photograph, side, position and left-right orientation of a patch are random. Sides are
    uniform on a logarithmic scale, so that details and whole views both occur. Labels are random.
    """
    photographs = _photographs()
    patches = np.stack([_patch(photographs, size, generator) for _ in range(count)])
    images = standardise(patches, patches.mean((0, 1, 2)), patches.std((0, 1, 2)))
    return unlabelled(images, generator)


def _patch(
    photographs: Sequence[np.ndarray], size: int, generator: np.random.Generator
) -> np.ndarray:
    photograph = photographs[int(generator.integers(len(photographs)))]
    height, width = photograph.shape[:2]
    smallest = min(max(SMALLEST_PATCH, size), height, width)
    side = round(np.exp(generator.uniform(np.log(smallest), np.log(min(height, width)))))
    top = generator.integers(height - side + 1)
    left = generator.integers(width - side + 1)
    patch = photograph[top : top + side, left : left + side]
    if generator.integers(2):
        patch = patch[:, ::-1]
    return resized(patch, size)


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """Return `image` (H, W, channels), uint8, as (size, size, channels) from 0 to 1, float64.

    It is `skimage.transform.resize` with anti-aliasing, whose import alone takes a quarter of a
    second.
    """
    from scipy.ndimage import gaussian_filter, zoom

    factors = np.divide(image.shape, (size, size, image.shape[2]))
    values = np.multiply(image, 1 / 255, dtype=np.float64)
    blurred = gaussian_filter(values, np.maximum(0, (factors - 1) / 2), mode="mirror")
    found = zoom(blurred, [1 / f for f in factors], order=1, mode="mirror", grid_mode=True)
    return np.clip(found, values.min(), values.max())


def _photographs() -> list[np.ndarray]:
    from PIL import Image

    (package,) = find_spec("skimage").submodule_search_locations  # type: ignore[union-attr,misc]
    folder = Path(package) / "data"
    photographs = []
    for name, sha256 in SHA256.items():
        path = folder / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise NaswotError(
                f"{path} is not the photograph that scikit-image 0.26 ships. Install it anew: "
                "`pip install --force-reinstall --no-deps scikit-image==0.26.0`."
            )
        with Image.open(path) as photograph:
            photographs.append(np.asarray(photograph))
    return photographs
