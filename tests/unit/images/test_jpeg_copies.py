"""A JPEG copy of a whole data set: its content, when it is trained on, how results name it."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from naswot.errors import NaswotError
from naswot.images import get_source, jpeg_copies, mini_batch
from naswot.images.archives import ARCHIVES
from naswot.images.labelled import divide
from naswot.io.npz import read_arrays, write_arrays
from naswot.training.images import split_images
from naswot.workflow.custom_spaces import catalogue_of

CIFAR10 = ARCHIVES["cifar10"]


def jpeg(colour: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (colour, 90, 200)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def copied(**changed) -> dict[str, np.ndarray]:
    """Return the arrays of a small copy: the label of an image is a tenth of its red."""
    arrays = {}
    for part, colours in (("train", range(0, 100, 5)), ("test", range(0, 100, 20))):
        files = [jpeg(colour) for colour in colours]
        arrays[f"jpeg_{part}"] = np.frombuffer(b"".join(files), np.uint8)
        arrays[f"len_{part}"] = np.array([len(file) for file in files], np.uint16)
        arrays[f"y_{part}"] = np.array([colour // 10 for colour in colours], np.uint8)
    return arrays | changed


@pytest.fixture
def place(tmp_path):
    """Return a writer of arrays into the JPEG copy of a mirror; None leaves one out."""

    def write(**changed):
        arrays = {name: array for name, array in copied(**changed).items() if array is not None}
        write_arrays(tmp_path / CIFAR10.copy, {}, **arrays)
        return tmp_path

    return write


def test_each_image_keeps_its_label(place):
    found = divide("cifar10", place(), 32, 0, "all", 4)
    assert [len(part[1]) for part in (found.train, found.valid, found.test)] == [16, 4, 5]
    for pixels, labels in (found.train, found.valid, found.test):
        red, green, blue = pixels.mean((1, 2)).T
        np.testing.assert_allclose(red // 10 * 10, labels * 10, atol=10)
        assert abs(green - 90).max() < 6
        assert abs(blue - 200).max() < 6


def test_results_of_training_say_that_it_is_a_copy(place, tmp_path):
    mirror = place()
    split_images(
        tmp_path / "split.npz",
        name="cifar10",
        directory=mirror,
        size=32,
        seed=0,
        train_images="all",
        valid_images=4,
    )
    about = json.loads(str(read_arrays(tmp_path / "split.npz")["metadata"]))
    assert about["images"] == "cifar10-JPEG-copy"
    assert about["origin"].startswith("JPEG copy (not the original pixels) of CIFAR-10")
    training = {"images": "cifar10", "epochs": 12, "valid_images": 4}
    described = {"mine": {"networks": "nasbench201", "train": 3}}
    planned = catalogue_of(described, training, mirror=str(mirror))["mine"].datasets["custom"]
    assert planned.test == "cifar10-JPEG-copy/test/12"
    assert catalogue_of(described, training)["mine"].datasets["custom"].test == "cifar10/test/12"


def random_archive(path, train: int, test: int) -> None:
    arrays = {}
    for part, count in (("train", train), ("test", test)):
        arrays[f"x_{part}"] = np.zeros((count, 32, 32, 3), np.uint8)
        arrays[f"y_{part}"] = np.arange(count) % 10
    write_arrays(path, {}, **arrays)


def test_the_first_complete_source_is_trained_on(place):
    mirror, source = place(), get_source("cifar10")
    archive, official = mirror / CIFAR10.file, mirror / "cifar-10-batches-bin"

    def chosen():
        return source.find(mirror, training=True), source.trained("cifar10", mirror)[0]

    assert chosen() == (CIFAR10.copy, "cifar10-JPEG-copy")
    random_archive(archive, 30, 10)
    assert chosen() == (CIFAR10.copy, "cifar10-JPEG-copy")
    assert source.find(mirror) == CIFAR10.file
    official.mkdir()
    assert chosen() == ("cifar-10-batches-bin", "cifar10")
    random_archive(archive, 50_000, 10_000)
    assert chosen() == (CIFAR10.file, "cifar10")
    archive.write_bytes(b"damaged")
    with pytest.raises(NaswotError, match=r"cifar10\.npz is not a readable \.npz archive"):
        divide("cifar10", mirror, 32, 0)
    (mirror / CIFAR10.copy).unlink()
    official.rmdir()
    random_archive(archive, 30, 10)
    assert chosen() == (CIFAR10.file, "cifar10")


def test_mini_batches_are_never_drawn_from_a_copy(place):
    mirror = place()
    with pytest.raises(NaswotError, match="lacks the images 'cifar10'"):
        mini_batch("cifar10", 4, 32, 0, mirror)
    random_archive(mirror / CIFAR10.file, 30, 10)
    batch = mini_batch("cifar10", 4, 32, 0, mirror)
    assert len(np.unique(batch.images[:, 0])) == 1  # the archive's black, not a picture's red


def cut(array: np.ndarray) -> np.ndarray:
    return array[:-3]


WHOLE = copied()
WRONG = {
    "has no array 'jpeg_test'": {"jpeg_test": None},
    "has no array 'len_train'": {"len_train": None},
    "has no array 'y_test'": {"y_test": None},
    "len_train counts [0-9,]+ bytes, and jpeg_train has": {"jpeg_train": cut(WHOLE["jpeg_train"])},
    "len_test does not hold a number of bytes": {"len_test": WHOLE["len_test"] * 1.0},
    "len_train does not hold a number of bytes per": {"len_train": 0 * WHOLE["len_train"]},
    "jpeg_test does not hold bytes in one row": {"jpeg_test": WHOLE["jpeg_test"].astype("i4")},
    "should hold 20 labels under the name 'y_train'": {"y_train": cut(WHOLE["y_train"])},
    "has the label 77": {"y_train": np.full_like(WHOLE["y_train"], 77)},
    r"image 1 of jpeg_train is not a readable JPEG": {
        "jpeg_train": np.frombuffer(
            jpeg(0) + bytes(int(WHOLE["len_train"][1])) + WHOLE["jpeg_train"].tobytes()[
                int(WHOLE["len_train"][:2].sum()) :
            ],
            np.uint8,
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_a_damaged_copy_is_one_message(place, message):
    mirror = place(**WRONG[message])
    with pytest.raises(NaswotError, match=f"{CIFAR10.copy}.*{message}"):
        divide("cifar10", mirror, 32, 0)


def test_a_truncated_file_is_one_message(place):
    path = place() / CIFAR10.copy
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(NaswotError, match=r"is not a readable \.npz archive"):
        divide("cifar10", path.parents[1], 32, 0)


def test_the_mirror_has_all_images_of_cifar10(mirror):
    """Its lossless images are found again in the copy, with their labels."""
    (pixels, labels), (tested, answers) = jpeg_copies.read(CIFAR10, mirror / CIFAR10.copy)
    assert (pixels.shape, tested.shape) == ((50_000, 32, 32, 3), (10_000, 32, 32, 3))
    assert np.bincount(labels).tolist() == [5000] * 10
    assert np.bincount(answers).tolist() == [1000] * 10
    original, known = CIFAR10.read(mirror / CIFAR10.file)
    for image, label in zip(original[:20], known[:20], strict=True):
        differences = [
            np.abs(part - image.astype(np.int16)).mean((1, 2, 3))
            for part in np.array_split(pixels, 25)
        ]
        nearest = np.concatenate(differences).argmin()
        assert labels[nearest] == label
        assert 10 * np.log10(255**2 / ((pixels[nearest] - image.astype(float)) ** 2).mean()) > 25
