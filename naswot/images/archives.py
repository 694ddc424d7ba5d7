"""Read images of real data sets from .npz archives in the mirror directory.

An archive holds uint8 images (N, H, W, 3) and labels (N,) under the names given here; the
README of the mirror describes their source. Means and standard deviations are those that the
benchmarks used in training, on the scale 0–255.

Mini-batches are drawn from an archive, or else from the official files. To train, a complete set
of images comes first: `Archive.to_train_on`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images.drawing import MiniBatch, choose, standardise, unlabelled
from naswot.images.pickles import labels_of
from naswot.io.npz import array_bytes, read_arrays


@dataclass(frozen=True)
class Archive:
    """One data set: its archive, and how images are drawn from it or from the official files.

    Attributes:
        name: name of the source, and of the archive's file.
        image_array, label_array: names of the images and labels in the archive.
        size: side of the images in pixels.
        mean, std: mean and standard deviation of each channel, on the scale 0–255.
        origin: description of the images, with their licence.
        classes: number of classes that the benchmarks trained with.
        stored: the smallest and the largest label in the archive.
        total, tested: number of training and of test images of the whole data set.
    """

    name: str
    image_array: str
    label_array: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    origin: str
    classes: int
    stored: tuple[int, int]
    total: int
    tested: int

    @property
    def file(self) -> str:
        """The archive's path inside the mirror directory."""
        return f"images/{self.name}.npz"

    @property
    def copy(self) -> str:
        """The path of a copy of all images as JPEG (`naswot.images.jpeg_copies`)."""
        return f"images/{self.name}_jpeg.npz"

    def to_train_on(self, mirror: Path, official: Iterable[str]) -> str | None:
        """Return the file in `mirror` to train on, or None.

        It is the archive if that has all images, else the official files, else the JPEG copy of
        all images, else the archive with its few images.

        Args:
            mirror: the mirror directory.
            official: the paths at which the official files are looked for.
        """
        wanted = (self.file,) if self._complete(mirror / self.file) else ()
        order = (*wanted, *official, self.copy, self.file)
        return next((file for file in order if (mirror / file).exists()), None)

    def _complete(self, path: Path) -> bool:
        """Whether the archive `path` has all images; a damaged one counts, and reading says so."""
        try:
            sizes = array_bytes(path) if path.exists() else {}
        except (OSError, ValueError):
            return True
        image = 3 * self.size**2
        counts = (sizes.get(name, 0) // image for name in (self.image_array, "x_test"))
        return all(n >= all_ for n, all_ in zip(counts, (self.total, self.tested), strict=True))

    def read(self, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
        """Return images uint8 (N, size, size, 3) and labels int64 (N,) of the archive `path`.

        Labels are None if the archive has none, or if it also has images of other classes: whether
        labels are true must not depend on the images that a seed chooses.

        Raises:
            NaswotError: the archive is missing, damaged or has another form.
        """
        arrays = read_arrays(path)
        images = arrays.get(self.image_array)
        shape = (self.size, self.size, 3)
        if images is None or images.dtype != np.uint8 or images.shape[1:] != shape:
            raise NaswotError(
                f"{path} should hold uint8 images of shape (N, {self.size}, {self.size}, 3) under "
                f"the name {self.image_array!r}; it holds {', '.join(arrays)[:400] or 'nothing'}."
            )
        if self.label_array not in arrays:
            return images, None
        labels = labels_of(arrays, self.label_array, len(images), *self.stored, path)
        labels -= self.stored[0]
        return images, labels if (labels < self.classes).all() else None

    def draw(
        self,
        images: np.ndarray,
        labels: np.ndarray | None,
        count: int,
        generator: np.random.Generator,
        origin: Path,
    ) -> MiniBatch:
        """Return `count` different ones of `images`, (count, 3, H, W), with their labels.

        Args:
            images: uint8 (N, H, W, 3).
            labels: int64 (N,), from 0; None: draw random ones.
            count: number of images to draw.
            generator: source of the random choice.
            origin: the file or folder, for messages.

        Raises:
            NaswotError: there are fewer than `count` images.
        """
        chosen = choose(len(images), count, generator, origin)
        drawn = standardise(images[chosen].astype(np.float64), self.mean, self.std)
        if labels is None:
            return unlabelled(drawn, generator, self.classes)
        return MiniBatch(drawn, labels[chosen], self.classes, True)


ARCHIVES = {
    archive.name: archive
    for archive in (
        Archive(
            "cifar10",
            "x_train",
            "y_train",
            32,
            (125.307, 122.961, 113.8575),
            (62.9932, 62.0887, 66.7049),
            "CIFAR-10 training images (Krizhevsky 2009; research use)",
            10,
            (0, 9),
            50_000,
            10_000,
        ),
        Archive(
            "cifar100",
            "x_train",
            "y_train",
            32,
            (129.3039, 124.0695, 112.4340),
            (68.1702, 65.3918, 70.4184),
            "CIFAR-100 training images (Krizhevsky 2009; research use)",
            100,
            (0, 99),
            50_000,
            10_000,
        ),
        Archive(
            "imagenet16",
            "x",
            "y",
            16,
            (122.68, 116.66, 104.01),
            (63.22, 61.26, 65.09),
            "ImageNet images at 16×16, all classes (ImageNet terms, non-commercial research)",
            120,
            (1, 1000),
            151_700,
            6_000,
        ),
    )
}
