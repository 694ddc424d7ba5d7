"""Read CIFAR-10 and CIFAR-100 from the official files, in a folder or in the official archive.

https://www.cs.toronto.edu/~kriz/cifar.html describes them. Two editions can be read:

- python: pickled dicts with `data`, uint8 (N, 3072), one row per image, channel by channel, and
  `labels` (CIFAR-100: `fine_labels`);
- binary: records of one label byte (CIFAR-100: coarse, then fine) and 3,072 pixel bytes.

An archive is read as a stream of members; nothing is unpacked to disk.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from naswot.errors import NaswotError
from naswot.images.pickles import images_of, labels_of, read_batch
from naswot.io.tar import explained, members, unpacked

SIDE = 32
PIXEL_BYTES = 3 * SIDE * SIDE

# The largest official file has 156 MB; a larger file is not an official one.
LARGEST_FILE_BYTES = 2**28
LARGEST_ARCHIVE_BYTES = 2**30  # the official ones have 186 MB when unpacked


@dataclass(frozen=True)
class Edition:
    """One published file format of a data set.

    Attributes:
        archive: the name of the official archive.
        folder: the folder inside the archive.
        train, test: the names of the files in that folder.
        classes: number of classes.
        label_key: key of the labels in a pickle; None in the binary edition.
        label_bytes: bytes before the pixels of a binary record; the last of them is the label.
    """

    archive: str
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    classes: int
    label_key: str | None = None
    label_bytes: int = 0

    def parse(self, content: bytes, origin: str) -> tuple[np.ndarray, np.ndarray]:
        """Return images uint8 (N, 32, 32, 3) and labels int64 (N,) of one file's content."""
        if self.label_key is None:
            return self._records(content, origin)
        batch = read_batch(io.BytesIO(content), origin)
        images = images_of(batch, SIDE, origin)
        labels = labels_of(batch, self.label_key, len(images), 0, self.classes - 1, origin)
        return images, labels

    def _records(self, content: bytes, origin: str) -> tuple[np.ndarray, np.ndarray]:
        size = self.label_bytes + PIXEL_BYTES
        count, rest = divmod(len(content), size)
        if rest or not count:
            raise NaswotError(
                f"{origin} is truncated: after {count} records of {size} bytes it has {rest} more "
                f"at offset {count * size}. Put an intact copy of the official file in its place."
            )
        records = np.frombuffer(content, np.uint8).reshape(count, size)
        labels = records[:, self.label_bytes - 1].astype(np.int64)
        wrong = np.flatnonzero(labels >= self.classes)
        if len(wrong):
            raise NaswotError(
                f"{origin} has the label {labels[wrong[0]]} at offset "
                f"{wrong[0] * size + self.label_bytes - 1}; labels are from 0 to "
                f"{self.classes - 1}."
            )
        pixels = records[:, self.label_bytes :].reshape(-1, 3, SIDE, SIDE)
        return pixels.transpose(0, 2, 3, 1), labels


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))

EDITIONS = {
    "cifar10": (
        Edition(
            "cifar-10-python.tar.gz", "cifar-10-batches-py", _BATCHES, ("test_batch",), 10, "labels"
        ),
        Edition(
            "cifar-10-binary.tar.gz",
            "cifar-10-batches-bin",
            tuple(f"{name}.bin" for name in _BATCHES),
            ("test_batch.bin",),
            10,
            label_bytes=1,
        ),
    ),
    "cifar100": (
        Edition(
            "cifar-100-python.tar.gz",
            "cifar-100-python",
            ("train",),
            ("test",),
            100,
            "fine_labels",
        ),
        Edition(
            "cifar-100-binary.tar.gz",
            "cifar-100-binary",
            ("train.bin",),
            ("test.bin",),
            100,
            label_bytes=2,
        ),
    ),
}


def read(path: str | Path, name: str, train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return images uint8 (N, 32, 32, 3) and labels int64 (N,), in the official order.

    Args:
        path: an official archive; or the folder with the files; or a folder, such as the
            mirror, with the archive or the unpacked folder inside it or its `images`.
        name: cifar10 or cifar100 (its fine labels).
        train: whether to read the training images or the test images.

    Raises:
        NaswotError: the files are missing, damaged or not the official ones.
    """
    path = Path(path)
    if name not in EDITIONS:
        raise NaswotError(f"There is no data set {name!r}; there are: {', '.join(EDITIONS)}.")
    for edition in EDITIONS[name]:
        files = edition.train if train else edition.test
        for candidate in _candidates(path, edition):
            read_files = _in_archive if candidate.is_file() else _in_folder
            found = read_files(candidate, files)
            if found is not None:
                parts = [edition.parse(content, origin) for content, origin in found]
                images, labels = zip(*parts, strict=True)
                return np.concatenate(images), np.concatenate(labels)
    looked_for = " or ".join(edition.archive for edition in EDITIONS[name])
    raise NaswotError(
        f"{path} has no {'training' if train else 'test'} images of {name}: put {looked_for} "
        "there, whole or unpacked."
    )


def files(name: str) -> tuple[str, ...]:
    """Return the paths in a mirror at which `read` finds the images of `name`."""
    return tuple(
        f"{folder}{file}"
        for edition in EDITIONS[name]
        for folder in ("", "images/")
        for file in (edition.folder, edition.archive)
    )


def _candidates(path: Path, edition: Edition) -> Iterator[Path]:
    yield path
    for folder in (path, path / "images"):
        yield folder / edition.folder
        if (folder / edition.archive).is_file():
            yield folder / edition.archive


def _in_folder(folder: Path, files: tuple[str, ...]) -> list[tuple[bytes, str]] | None:
    """Return content and name of `files` in `folder`, or None if it has none of them."""
    present = [folder / file for file in files if (folder / file).is_file()]
    if not present:
        return None
    if len(present) < len(files):
        raise NaswotError(f"{folder} has only {len(present)} of the files {', '.join(files)}.")
    found = []
    for path in present:
        _check_size(path.stat().st_size, str(path))
        try:
            found.append((path.read_bytes(), str(path)))
        except OSError as error:
            raise NaswotError(f"{path} cannot be read: {error.strerror}.") from error
    return found


def _in_archive(path: Path, files: tuple[str, ...]) -> list[tuple[bytes, str]] | None:
    """Return content and name of `files` in an archive, or None if it has none of them."""
    found = {}
    with explained(path), unpacked(path) as stream:
        for member in members(stream, LARGEST_ARCHIVE_BYTES):
            file = Path(member.name).name
            if file not in files or file in found or not member.isreg() or member.issparse():
                continue
            _check_size(member.size, f"{path}: {member.name}")
            stream.seek(member.offset_data)
            found[file] = stream.read(member.size), f"{path}: {member.name}"
            if len(found) == len(files):
                break
    if not found:
        return None
    missing = [file for file in files if file not in found]
    if missing:
        raise NaswotError(f"{path} lacks {', '.join(missing)}; put an intact copy in its place.")
    return [found[file] for file in files]


def _check_size(size: int, origin: str) -> None:
    if size > LARGEST_FILE_BYTES:
        raise NaswotError(
            f"{origin} has {size:,} bytes; no official file is larger than {LARGEST_FILE_BYTES:,}."
        )
