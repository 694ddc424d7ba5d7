"""Read a JPEG copy of a whole data set of images: an .npz file in the mirror directory.

For each part, train and test, it has three arrays: ``jpeg_{part}``, uint8, the bytes of all JPEG
files, one after the other; ``len_{part}``, the number of bytes of each; ``y_{part}``, the labels,
as in the data set's archive. Such pixels are close to the original ones but not equal to them, so
networks can be trained on them, and their accuracies must say "JPEG copy"
(`naswot.images.Source.trained`). Mini-batches are never drawn from it.
"""

import io
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images.archives import Archive
from naswot.images.decoding import read as decode
from naswot.images.pickles import labels_of
from naswot.io.npz import read_arrays

Images = tuple[np.ndarray, np.ndarray]
CURE = "Put an intact copy in its place."


def read(archive: Archive, path: Path) -> tuple[Images, Images]:
    """Return the training and the test images, each uint8 (N, size, size, 3) and int64 labels (N,).

    Args:
        archive: the data set.
        path: the JPEG copy.

    Raises:
        NaswotError: the file is missing or damaged, lacks an array, or an image cannot be read.
    """
    arrays = read_arrays(path)
    return _part(archive, arrays, path, "train"), _part(archive, arrays, path, "test")


def _part(archive: Archive, arrays: dict[str, np.ndarray], path: Path, part: str) -> Images:
    names = [f"{kind}_{part}" for kind in ("jpeg", "len", "y")]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise NaswotError(f"{path} has no array {missing[0]!r}, as a JPEG copy should. {CURE}")
    content, lengths = (arrays[name] for name in names[:2])
    if content.dtype != np.uint8 or content.ndim != 1:
        raise NaswotError(f"{path}: {names[0]} does not hold bytes in one row. {CURE}")
    if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or (lengths < 1).any():
        raise NaswotError(f"{path}: {names[1]} does not hold a number of bytes per image. {CURE}")
    ends = np.cumsum(lengths, dtype=np.int64)
    if len(content) != (ends[-1] if len(ends) else 0):
        raise NaswotError(
            f"{path}: {names[1]} counts {int(ends[-1]) if len(ends) else 0:,} bytes, and "
            f"{names[0]} has {len(content):,}. {CURE}"
        )
    labels = labels_of(arrays, names[2], len(lengths), *archive.stored, path) - archive.stored[0]
    if (labels >= archive.classes).any():
        raise NaswotError(f"{path} has labels beyond its {archive.classes} classes. {CURE}")
    stored = content.tobytes()
    images = np.empty((len(lengths), archive.size, archive.size, 3), np.uint8)
    for index, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
        one = Path(f"{path}, image {index} of {names[0]}")
        found = decode(one, archive.size, io.BytesIO(stored[end - length : end]))
        images[index] = np.rint(found.pixels)
    return images, labels
