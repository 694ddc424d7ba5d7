"""Whole labelled sets of images, divided without overlap."""

import numpy as np
import pytest
from PIL import Image

from naswot.errors import NaswotError
from naswot.images import digits, mini_batch
from naswot.images.labelled import divide
from naswot.io.npz import write_arrays


def rows(part) -> set[bytes]:
    return {image.tobytes() for image in part[0]}


def test_digits_are_those_of_scikit_learn_with_their_labels():
    from sklearn.datasets import load_digits

    known = load_digits()
    labels = {
        image.tobytes(): label for image, label in zip(known.images, known.target, strict=True)
    }
    pixels, found = digits.read()
    assert pixels.shape == (1198, 8, 8, 3)
    assert digits.read(train=False)[0].shape == (599, 8, 8, 3)
    for image, label in zip(pixels, found, strict=True):
        assert (image[..., :1] == image).all()
        assert labels[np.rint(image[..., 0] / 255 * 16).tobytes()] == label


def test_a_mini_batch_of_digits_is_drawn_from_the_training_images():
    batch = mini_batch("digits", 1198, 8, 0)
    assert (batch.classes, batch.true_labels) == (10, True)
    np.testing.assert_allclose(batch.images.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.images.std((0, 2, 3)), 1, atol=1e-5)
    labels = digits.read()[1]
    assert sorted(labels) == sorted(batch.labels)
    with pytest.raises(NaswotError, match="digits has 1198 images"):
        mini_batch("digits", 1199, 8, 0)


def test_parts_do_not_overlap_and_fewer_training_images_are_some_of_them():
    whole = divide("digits", None, 16, 0, "all", 400)
    assert [len(part[1]) for part in (whole.train, whole.valid, whole.test)] == [798, 400, 599]
    assert whole.train[0].shape[1:] == (16, 16, 3)
    assert not rows(whole.train) & rows(whole.valid)
    assert not (rows(whole.train) | rows(whole.valid)) & rows(whole.test)
    fewer, other = divide("digits", None, 16, 0, 90, 400), divide("digits", None, 16, 1, "all", 400)
    assert len(rows(fewer.train)) == 90
    assert rows(fewer.train) < rows(whole.train)
    assert np.array_equal(fewer.valid[0], whole.valid[0])
    assert rows(other.valid) != rows(whole.valid)
    assert rows(other.test) == rows(whole.test)


@pytest.mark.parametrize(("train", "valid"), [("all", 1198), (1000, 300), ("all", 2000)])
def test_too_few_images_are_named(train, valid):
    with pytest.raises(NaswotError, match="there are 1,198 training images of digits, too few for"):
        divide("digits", None, 8, 0, train, valid)


def test_images_without_labels_are_refused():
    with pytest.raises(NaswotError, match="'photos' have no labels to train on; digits, cifar10"):
        divide("photos", None, 8, 0)


@pytest.fixture
def archive(tmp_path):
    """Return a writer of a small CIFAR-10 archive into a mirror, and its images and labels."""
    generator = np.random.default_rng(0)

    def write(count: int, tested: int):
        arrays = {}
        for part, number in (("train", count), ("test", tested)):
            if number:
                arrays[f"x_{part}"] = generator.integers(256, size=(number, 32, 32, 3)).astype("u1")
                arrays[f"y_{part}"] = generator.integers(10, size=number)
        write_arrays(tmp_path / "images/cifar10.npz", {}, **arrays)
        return arrays

    return write


def test_an_archive_has_its_own_test_images(archive, tmp_path):
    arrays = archive(30, 12)
    found = divide("cifar10", tmp_path, 32, 0, "all", 10)
    np.testing.assert_array_equal(found.test[0], arrays["x_test"])
    np.testing.assert_array_equal(found.test[1], arrays["y_test"])
    known = {
        image.tobytes(): label
        for image, label in zip(arrays["x_train"], arrays["y_train"], strict=True)
    }
    for image, label in zip(*found.train, strict=True):
        assert known[image.tobytes()] == label
    assert (len(found.train[1]), found.classes, found.mean[0]) == (20, 10, 125.307)


def test_of_an_archive_without_test_images_a_third_is_set_aside(archive, tmp_path):
    arrays = archive(30, 0)
    found = divide("cifar10", tmp_path, 32, 0)
    assert (len(found.train[1]), len(found.valid[1]), len(found.test[1])) == (20, 0, 10)
    assert rows(found.train) | rows(found.test) == rows((arrays["x_train"], None))


@pytest.fixture
def pictures(tmp_path):
    """Return a writer of pictures of one colour into folders of classes."""

    def write(*names: str):
        for number, name in enumerate(names):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 7), (number, 50, 60)).save(tmp_path / name)

    return write


def test_a_folder_of_classes_can_be_trained_on(pictures, tmp_path):
    pictures(
        *(f"train/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(4)), "val/dog/1.png"
    )
    found = divide("folder", tmp_path, 8, 0)
    colours = dict(zip(found.train[0][:, 0, 0, 0].tolist(), found.train[1].tolist(), strict=True))
    assert colours == dict.fromkeys(range(4), 0) | dict.fromkeys(range(4, 8), 1)
    assert found.test[0].shape == (1, 8, 8, 3)
    assert (found.test[1].tolist(), found.test[0][0, 0, 0, 0], found.classes) == ([1], 8, 2)


def test_a_folder_without_classes_cannot_be_trained_on(pictures, tmp_path):
    pictures("a.png", "b.png")
    with pytest.raises(NaswotError, match="has no folders of images, one for each class"):
        divide("folder", tmp_path, 8, 0)


def test_a_class_that_only_test_images_have_is_named(pictures, tmp_path):
    pictures("train/cat/1.png", "train/dog/1.png", "test/emu/1.png")
    with pytest.raises(NaswotError, match=r"emu/1\.png is of a class that has no training images"):
        divide("folder", tmp_path, 8, 0)


def colours_of(part) -> dict[int, int]:
    """Return the colour of each picture of `pictures` and its label."""
    return dict(zip(part[0][:, 0, 0, 0].tolist(), part[1].tolist(), strict=True))


def test_a_folder_without_train_has_test_images_all_the_same(pictures, tmp_path):
    pictures("cat/1.png", "cat/2.png", "dog/1.png", "test/cat/1.png", "test/dog/1.png")
    found = divide("folder", tmp_path, 8, 0)
    assert (found.classes, colours_of(found.train)) == (2, {0: 0, 1: 0, 2: 1})
    assert colours_of(found.test) == {3: 0, 4: 1}


def test_a_class_may_be_called_train(pictures, tmp_path):
    pictures("train/bus/1.png", "train/train/1.png", "val/bus/1.png", "val/train/1.png")
    found = divide("folder", tmp_path, 8, 0)
    assert (colours_of(found.train), colours_of(found.test)) == ({0: 0, 1: 1}, {2: 0, 3: 1})


def test_parts_of_a_data_set_are_known_whatever_their_case(pictures, tmp_path):
    pictures("Train/cat/1.png", "Train/dog/1.png", "Validation/cat/1.png", "Validation/dog/1.png")
    found = divide("folder", tmp_path, 8, 0)
    assert (colours_of(found.train), colours_of(found.test)) == ({0: 0, 1: 1}, {2: 0, 3: 1})


def test_test_images_alone_cannot_be_trained_on(pictures, tmp_path):
    pictures("val/cat/1.png", "val/dog/1.png", "test/cat/1.png", "test/dog/1.png")
    with pytest.raises(NaswotError, match="has no folders of images, one for each class, to train"):
        divide("folder", tmp_path, 8, 0)


def test_unreadable_images_are_left_out_of_training(pictures, tmp_path, caplog):
    pictures(
        "train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "val/cat/1.png", "val/dog/1.png"
    )
    for name in ("train/cat/1.png", "val/cat/1.png"):
        (tmp_path / name).write_bytes(b"no image")
    found = divide("folder", tmp_path, 8, 0)
    assert (colours_of(found.train), colours_of(found.test)) == ({1: 0, 2: 1}, {4: 1})
    assert caplog.text.count("left out 1 unreadable image: ") == 2


def test_of_test_and_val_the_one_with_classes_counts(pictures, tmp_path):
    pictures("train/cat/1.png", "train/dog/1.png", "test/1.png", "test/2.png", "val/dog/1.png")
    assert colours_of(divide("folder", tmp_path, 8, 0).test) == {4: 1}


@pytest.mark.parametrize("top", ["train/", ""])
def test_test_images_without_classes_are_refused(pictures, tmp_path, top):
    pictures(f"{top}cat/1.png", f"{top}dog/1.png", "test/1.png")
    with pytest.raises(NaswotError, match="test has no folders of images, one for each class, to"):
        divide("folder", tmp_path, 8, 0)


def test_an_archive_or_folder_without_a_test_image_is_refused(archive, pictures, tmp_path):
    arrays = archive(30, 1)
    none = {name: array[:0] for name, array in arrays.items() if name.endswith("test")}
    write_arrays(tmp_path / "images/cifar10.npz", {}, **arrays | none)
    with pytest.raises(NaswotError, match="there are no test images of cifar10"):
        divide("cifar10", tmp_path, 32, 0)
    pictures("few/cat/1.png", "few/dog/1.png", "few/dog/2.png")
    (tmp_path / "few/test").mkdir()
    with pytest.raises(NaswotError, match="few/test has no folders of images"):
        divide("folder", tmp_path / "few", 8, 0)


def test_images_that_need_a_directory_say_so():
    with pytest.raises(NaswotError, match="'cifar10' need a directory: set `mirror`"):
        divide("cifar10", None, 32, 0)
