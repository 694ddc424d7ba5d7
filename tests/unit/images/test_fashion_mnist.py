"""Fashion-MNIST from idx files: their pixels and labels, or one message that names the file."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import miniatures
import numpy as np
import pytest
from needs import lacking
from PIL import Image

from naswot.errors import NaswotError
from naswot.images import SOURCES, fashion_mnist, labelled, mini_batch
from naswot.images.labelled import divide

FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def arrays(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.integers(256, size=(count, 28, 28)), generator.integers(10, size=count)


TRAIN, TEST = arrays(40, 0), arrays(12, 1)


@pytest.fixture
def clothes(tmp_path, monkeypatch):
    """Return a writer of the four files, of 40 and 12 images; nothing else is installed."""
    bare = replace(SOURCES["fashion_mnist"], installed=str(tmp_path / "installed"))
    monkeypatch.setitem(SOURCES, "fashion_mnist", bare)

    def write(folder: str = "", packed: bool = True, **changed: bytes) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True, parents=True)
        for name, array in zip(FILES, (*TRAIN, *TEST), strict=True):
            content = changed.get(name.replace("-", "_"), miniatures.idx(array))
            path = tmp_path / folder / f"{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(content) if packed else content)
        return tmp_path

    return write


@pytest.mark.parametrize("folder", ["", "fashion-mnist", "images/fashion-mnist"])
@pytest.mark.parametrize("packed", [True, False])
def test_pixels_and_labels_are_those_of_the_files(clothes, folder, packed):
    directory = clothes(folder, packed)
    for train, (grey, labels) in ((True, TRAIN), (False, TEST)):
        images, found = fashion_mnist.read(directory, train=train)
        assert (images.dtype, found.dtype) == (np.uint8, np.int64)
        for channel in range(3):
            np.testing.assert_array_equal(images[..., channel], grey)
        np.testing.assert_array_equal(found, labels)


def test_a_mini_batch_has_normalised_images_and_their_labels(clothes):
    directory = clothes()
    batch = mini_batch("fashion_mnist", 16, 28, 1, directory)
    chosen = np.random.default_rng(1).choice(40, 16, replace=False)
    expected = (TRAIN[0][chosen] - 72.9404) / 90.0212
    np.testing.assert_allclose(batch.images[:, 2], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(batch.labels, TRAIN[1][chosen])
    assert (batch.classes, batch.true_labels) == (10, True)
    grey = mini_batch("fashion_mnist", 16, 28, 1, directory, channels=1)
    np.testing.assert_array_equal(grey.images, batch.images[:, :1])


@pytest.mark.parametrize("size", [16, 32])
def test_other_sizes_are_those_of_pillow(clothes, size):
    images, _ = fashion_mnist.read(clothes(), size)
    assert images.shape == (40, size, size, 3)
    one = Image.fromarray(TRAIN[0][7].astype(np.uint8))
    np.testing.assert_array_equal(images[7, ..., 0], one.resize((size, size), 2))


def test_training_and_test_images_are_apart_and_a_tenth_may_be_set_aside(clothes):
    found = divide("fashion_mnist", clothes(), 28, 0, valid_images=None)
    counts = [len(part[1]) for part in (found.train, found.valid, found.test)]
    assert counts == [36, 4, 12]
    assert (found.classes, found.names[9], found.mean[0]) == (10, "Ankle boot", 72.9404)
    every = np.concatenate([found.train[0], found.valid[0]])[..., 0]
    assert {one.tobytes() for one in every} == {one.astype(np.uint8).tobytes() for one in TRAIN[0]}
    few = divide("fashion_mnist", clothes(), 28, 0, 20, None)
    assert (len(few.train[1]), len(few.valid[1])) == (20, 2)
    assert "fashion_mnist" in labelled.NATURAL


def test_installed_files_are_read_where_no_other_are_named(clothes, tmp_path):
    clothes("installed")
    assert mini_batch("fashion_mnist", 4, 28, 0).classes == 10
    assert len(divide("fashion_mnist", None, 28, 0).train[1]) == 40
    (tmp_path / "mirror").mkdir()
    found = mini_batch("fashion_mnist", 4, 28, 0, tmp_path / "mirror")
    dark = np.zeros((40, 28, 28))
    clothes("mirror", train_images_idx3=miniatures.idx(dark))
    assert (
        found.images.max()
        > 0
        > mini_batch("fashion_mnist", 4, 28, 0, tmp_path / "mirror").images.max()
    )


def test_without_files_both_ways_to_have_them_are_named(clothes, tmp_path):
    cure = r"Or install them: apt-get install dataset-fashion-mnist\."
    with pytest.raises(NaswotError, match=f"need a directory: set `mirror`. {cure}"):
        mini_batch("fashion_mnist", 4, 28, 0)
    with pytest.raises(
        NaswotError, match=rf"lacks the images .*train-images-idx3-ubyte.gz.* {cure}"
    ):
        mini_batch("fashion_mnist", 4, 28, 0, tmp_path)
    with pytest.raises(NaswotError, match=f"need a directory: set `mirror`. {cure}"):
        divide("fashion_mnist", None, 28, 0)


IDX = miniatures.idx(TRAIN[0])
DAMAGED = {
    "is truncated or too long: its header says 40×28×28 bytes of values, and 31,359 follow": IDX[
        :-1
    ],
    "is truncated or too long: its header says 40×28×28 bytes of values, and 31,361 follow": IDX
    + b"0",
    r"too long: its header says 4294967295×28×28 bytes": IDX[:4] + b"\xff" * 4 + IDX[8:],
    r"is not an idx file of bytes with 3 dimensions: it begins with 50 4b 03 04, not": b"PK\3\4",
    "it begins with nothing, not 00 00 08 03": b"",
    "is not an idx file of bytes with 3": struct.pack(">II", 0x0801, 4) + bytes(4),
    "has images of 14×14 pixels, not 28×28": miniatures.idx(np.zeros((40, 14, 14))),
    "has 40 labels for the 39 images of": miniatures.idx(TRAIN[0][1:]),
}


@pytest.mark.parametrize("message", DAMAGED)
@pytest.mark.parametrize("packed", [True, False])
def test_damaged_images_are_named_with_the_cure(clothes, message, packed):
    directory = clothes(packed=packed, train_images_idx3=DAMAGED[message])
    with pytest.raises(NaswotError, match=message) as caught:
        divide("fashion_mnist", directory, 28, 0)
    assert "train-" in str(caught.value)
    assert "Put an intact copy of the official file in its place" in str(caught.value)


def test_damaged_labels_and_archives_are_named(clothes):
    with pytest.raises(NaswotError, match=r"train-labels.* has the label 10; labels are from 0"):
        fashion_mnist.read(clothes(train_labels_idx1=miniatures.idx(np.full(40, 10))))
    directory = clothes()
    path = directory / "t10k-labels-idx1-ubyte.gz"
    whole = path.read_bytes()
    for content in (whole[:-9], whole[:20] + b"\xff" * 9 + whole[29:]):
        path.write_bytes(content)
        with pytest.raises(NaswotError, match=r"t10k-labels-idx1-ubyte.gz cannot be read \("):
            fashion_mnist.read(directory, train=False)
    path.unlink()
    with pytest.raises(NaswotError, match=r"lacks t10k-labels-idx1-ubyte.gz of Fashion-MNIST"):
        fashion_mnist.read(directory, train=False)


def test_the_installed_files_are_the_whole_data_set():
    """Its moments are those that others publish: mean .2860, standard deviation .3530."""
    if not SOURCES["fashion_mnist"].find(fashion_mnist.INSTALLED):
        lacking("no Fashion-MNIST: apt-get install dataset-fashion-mnist")
    found = divide("fashion_mnist", None, 28, 0)
    assert (found.train[0].shape, found.test[0].shape) == ((60_000, 28, 28, 3), (10_000, 28, 28, 3))
    grey = found.train[0][..., 0]
    assert (round(grey.mean() / 255, 4), round(grey.std() / 255, 4)) == (0.2860, 0.3530)
    np.testing.assert_allclose((found.mean[0], found.std[0]), (grey.mean(), grey.std()), rtol=1e-5)
    for part in (found.train, found.test):
        assert set(np.bincount(part[1])) == {len(part[1]) // 10}
