"""Read ImageNet16-120 from its official batches: ImageNet at 16×16 pixels, the first 120 classes.

The folder (NAS-Bench-201 calls it ImageNet16) holds `train_data_batch_1` … `train_data_batch_10`
and `val_data`: pickled dicts with `data`, uint8 (N, 768), one row per image, channel by channel,
and `labels`, 1 … 1000 in the numbering of Chrabaszcz et al. (2017, arXiv:1707.08819).
"""

from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images.pickles import images_of, labels_of, read_batch

SIDE = 16
CLASSES = 120
STORED_CLASSES = 1000
FOLDER = "ImageNet16"
FOLDERS = (FOLDER, f"images/{FOLDER}")  # in a mirror
TRAIN = tuple(f"train_data_batch_{number}" for number in range(1, 11))
VALID = ("val_data",)


def read(path: str | Path, train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (N, 16, 16, 3) and labels int64 (N,) from 0 to 119.

    Args:
        path: the folder with the batches; or a folder, such as the mirror, with `ImageNet16` or
            `images/ImageNet16` inside.
        train: whether to read the training images or the validation images.

    Raises:
        NaswotError: a batch is missing, damaged or not an official one.
    """
    files = TRAIN if train else VALID
    folder = _folder(Path(path), files)
    images, labels = zip(*(_read_batch(folder / file) for file in files), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _folder(path: Path, files: tuple[str, ...]) -> Path:
    for folder in (path, path / FOLDER, path / "images" / FOLDER):
        present = [file for file in files if (folder / file).is_file()]
        if len(present) == len(files):
            return folder
        if present:
            missing = sorted(set(files) - set(present))
            raise NaswotError(f"{folder} lacks {', '.join(missing)} of ImageNet16-120.")
    raise NaswotError(
        f"{path} has no {files[0]}: put the batches of ImageNet16-120 there, or into a folder "
        f"{FOLDER} there."
    )


def _read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of one batch that belong to the 120 classes, and their labels."""
    try:
        with path.open("rb") as stream:
            batch = read_batch(stream, path)
    except OSError as error:
        raise NaswotError(f"{path} cannot be read: {error.strerror}.") from error
    images = images_of(batch, SIDE, path)
    labels = labels_of(batch, "labels", len(images), 1, STORED_CLASSES, path)
    kept = labels <= CLASSES
    return images[kept], labels[kept] - 1
