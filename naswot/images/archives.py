"""Real dataset images from .npz archives in the mirror directory.

An archive holds uint8 images (N, H, W, 3) under the name given here; the README of the
mirror says where they come from. Means and standard deviations are those that the
benchmarks trained with, on the scale 0–255.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError


@dataclass(frozen=True)
class Archive:
    """One archive: where it is, the array to draw from, its image side, how to normalise."""

    name: str
    array: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    origin: str

    @property
    def file(self) -> str:
        """The archive's path inside the mirror directory."""
        return f"images/{self.name}.npz"

    def draw(
        self, count: int, size: int, generator: np.random.Generator, mirror: Path
    ) -> np.ndarray:
        """Return `count` different training images (count, 3, size, size), normalised."""
        from naswot.files import read_arrays
        from naswot.images import standardise

        path = mirror / self.file
        arrays = read_arrays(path)
        images = arrays.get(self.array)
        if images is None or images.dtype != np.uint8 or images.shape[1:] != (size, size, 3):
            raise NaswotError(
                f"{path} should hold uint8 images of shape (N, {size}, {size}, 3) under the name "
                f"{self.array!r}; it holds {', '.join(arrays) or 'nothing'}."
            )
        if len(images) < count:
            raise NaswotError(f"{path} has {len(images)} images; a mini-batch of {count} is asked.")
        chosen = generator.choice(len(images), count, replace=False)
        return standardise(images[chosen].astype(np.float64), self.mean, self.std)


ARCHIVES = {
    archive.name: archive
    for archive in (
        Archive(
            "cifar10",
            "x_train",
            32,
            (125.307, 122.961, 113.8575),
            (62.9932, 62.0887, 66.7049),
            "CIFAR-10 training images (Krizhevsky 2009; research use)",
        ),
        Archive(
            "cifar100",
            "x_train",
            32,
            (129.3039, 124.0695, 112.4340),
            (68.1702, 65.3918, 70.4184),
            "CIFAR-100 training images (Krizhevsky 2009; research use)",
        ),
        Archive(
            "imagenet16",
            "x",
            16,
            (122.68, 116.66, 104.01),
            (63.22, 61.26, 65.09),
            "ImageNet images at 16×16, all classes (ImageNet terms, non-commercial research)",
        ),
    )
}
