"""Image sources: the same normalised images and their labels for the same seed."""

import numpy as np
import pytest
from skimage.transform import resize

from naswot.errors import NaswotError
from naswot.images import SOURCES, mini_batch, photos
from naswot.images.archives import ARCHIVES
from naswot.images.drawing import standardise
from naswot.io.npz import read_arrays, write_arrays
from naswot.stages.draw_batch import draw_batch
from naswot.tables.batch import read_mini_batch

SIZES = {"photos": 16, "noise": 16, "digits": 16, "cifar10": 32, "cifar100": 32, "imagenet16": 16}
OFFLINE = ["photos", "noise"]
MIRRORED = ["cifar10", "cifar100", "imagenet16"]  # the others have tests of their own
CLASSES = {
    "photos": 10,
    "noise": 10,
    "digits": 10,
    "cifar10": 10,
    "cifar100": 100,
    "imagenet16": 120,
}


def check_batch(name, mirror):
    batch = mini_batch(name, 32, SIZES[name], seed=1, directory=mirror)
    images, labels = batch.images, batch.labels
    assert images.shape == (32, 3, SIZES[name], SIZES[name])
    assert images.dtype == np.float32
    assert np.abs(images.mean((0, 2, 3))).max() < 0.5
    assert np.abs(images.std((0, 2, 3)) - 1).max() < 0.4
    assert len(np.unique(images.reshape(32, -1), axis=0)) == 32
    assert labels.shape == (32,)
    assert labels.dtype == np.int64
    assert batch.classes == CLASSES[name]
    assert labels.min() >= 0
    assert labels.max() < batch.classes
    assert len(set(labels)) > 3
    again, other = (mini_batch(name, 32, SIZES[name], seed, mirror) for seed in (1, 2))
    np.testing.assert_array_equal(images, again.images)
    np.testing.assert_array_equal(labels, again.labels)
    assert (images != other.images).any()
    assert (labels != other.labels).any()
    return batch


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_sources(name):
    assert not check_batch(name, mirror=None).true_labels


def test_digits_have_true_labels():
    assert check_batch("digits", mirror=None).true_labels


def test_labels_leave_the_images_as_they_were():
    """Labels are drawn after the images."""
    noise = np.random.default_rng(1).standard_normal((32, 3, 16, 16), dtype=np.float32)
    np.testing.assert_array_equal(mini_batch("noise", 32, 16, 1).images, noise)
    photos = mini_batch("photos", 32, 16, 1).images
    np.testing.assert_allclose(photos[0, :, 3, 5], [0.018376, 0.171335, 0.033948], atol=1e-4)
    np.testing.assert_allclose(photos[31, :, 15, 0], [-0.430852, -0.440430, -0.669927], atol=1e-4)


@pytest.mark.parametrize("name", MIRRORED)
def test_mirrored_sources(name, mirror):
    """The images are those that the seed alone chooses, and the labels are theirs."""
    batch, archive = check_batch(name, mirror), ARCHIVES[name]
    arrays = read_arrays(mirror / archive.file)
    stored = arrays[archive.image_array]
    chosen = np.random.default_rng(1).choice(len(stored), 32, replace=False)
    images = standardise(stored[chosen].astype(float), archive.mean, archive.std)
    np.testing.assert_array_equal(batch.images, images.astype(np.float32))
    assert batch.true_labels == (name != "imagenet16")  # it has images of all 1000 classes
    if batch.true_labels:
        np.testing.assert_array_equal(batch.labels, arrays[archive.label_array][chosen])


def test_an_archive_of_120_classes_gives_its_labels(mirror, tmp_path):
    arrays = read_arrays(mirror / "images" / "imagenet16.npz")
    kept = arrays["in_imagenet16_120"]
    images, labels = arrays["x"][kept], arrays["y"][kept]
    write_arrays(tmp_path / "images" / "imagenet16.npz", {}, x=images, y=labels)
    batch = mini_batch("imagenet16", 32, 16, 3, tmp_path)
    assert batch.true_labels
    chosen = np.random.default_rng(3).choice(len(images), 32, replace=False)
    np.testing.assert_array_equal(batch.labels, labels[chosen].astype(int) - 1)


def test_cifar10_images_are_those_of_the_reference_batch(mirror, shared):
    """Undoing our normalisation and applying theirs gives the reference batch's values."""
    with np.load(shared / "golden" / "batches" / "cifar10_128.npz") as reference:
        pixels, images = reference["uint8"], reference["images"]
    archive = ARCHIVES["cifar10"]
    ours = standardise(pixels.transpose(0, 2, 3, 1).astype(float), archive.mean, archive.std)
    np.testing.assert_allclose(ours, images, atol=5e-3)


@pytest.mark.parametrize("size", [8, 24, 32])
def test_photos_come_in_any_size(size):
    assert mini_batch("photos", 4, size, seed=0).images.shape == (4, 3, size, size)


@pytest.mark.parametrize(("side", "size"), [(64, 16), (37, 24), (20, 32), (50, 50)])
def test_patches_are_resized_as_by_scikit_image(side, size):
    image = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    expected = resize(image, (size, size), anti_aliasing=True)
    np.testing.assert_array_equal(photos.resized(image, size), expected)


def test_a_written_batch_describes_itself(tmp_path):
    draw_batch(tmp_path / "0.npz", name="photos", count=4, size=8, seed=0)
    arrays = read_arrays(tmp_path / "0.npz")
    assert "public domain" in str(arrays["metadata"])
    drawn, read = mini_batch("photos", 4, 8, 0), read_mini_batch(tmp_path / "0.npz")
    np.testing.assert_array_equal(read.images, drawn.images)
    np.testing.assert_array_equal(read.labels, drawn.labels)
    assert (read.classes, read.true_labels) == (10, False)


def test_a_batch_without_labels_is_named(tmp_path):
    path = tmp_path / "0.npz"
    for kept, missing in [("images", "labels"), ("labels", "images")]:
        write_arrays(path, {}, **{kept: np.zeros(1)})
        with pytest.raises(NaswotError, match=rf"0\.npz has no '{missing}': .* Delete it and run"):
            read_mini_batch(path)
    write_arrays(path, {}, images=np.zeros(1), labels=np.zeros(1))
    with pytest.raises(NaswotError, match=r"has no 'classes'"):
        read_mini_batch(path)


def test_what_cannot_be_drawn_is_explained(tmp_path):
    with pytest.raises(NaswotError, match=r"no images 'cats'; there are: photos, noise"):
        mini_batch("cats", 4, 16, 0)
    with pytest.raises(NaswotError, match="set `mirror`"):
        mini_batch("cifar10", 4, 32, 0)
    with pytest.raises(NaswotError, match="32 pixels wide, not 16"):
        mini_batch("cifar10", 4, 16, 0, tmp_path)
    with pytest.raises(NaswotError, match=r"lacks the images 'cifar10': images/cifar10\.npz, "):
        mini_batch("cifar10", 4, 32, 0, tmp_path)


def test_an_archive_of_another_form_is_named(tmp_path):
    path = tmp_path / "images" / "cifar10.npz"
    write_arrays(path, {}, x_train=np.zeros((9, 32, 32), np.uint8))
    with pytest.raises(NaswotError, match=r"cifar10\.npz should hold uint8 images"):
        mini_batch("cifar10", 4, 32, 0, tmp_path)
    write_arrays(path, {}, x_train=np.zeros((3, 32, 32, 3), np.uint8))
    with pytest.raises(NaswotError, match="has 3 images; a mini-batch of 4"):
        mini_batch("cifar10", 4, 32, 0, tmp_path)
    images = np.zeros((2, 32, 32, 3), np.uint8)
    for labels, message in [([0, 10], r"npz has the label 10"), ([0], "should hold 2 labels")]:
        write_arrays(path, {}, x_train=images, y_train=np.array(labels))
        with pytest.raises(NaswotError, match=message):
            mini_batch("cifar10", 2, 32, 0, tmp_path)
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(NaswotError, match="not a readable"):
        mini_batch("cifar10", 4, 32, 0, tmp_path)


def test_a_mirror_without_an_archive_may_hold_the_official_files(tmp_path):
    """Five batches of the binary edition: a label byte, then red, green and blue."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(256, size=(5, 8, 3072), dtype=np.uint8)
    for number, batch in enumerate(pixels, start=1):
        labelled = np.insert(batch, 0, number % 10, axis=1)
        (folder / f"data_batch_{number}.bin").write_bytes(labelled.tobytes())
    images = pixels.reshape(40, 3, 32, 32).transpose(0, 2, 3, 1)
    official = mini_batch("cifar10", 16, 32, seed=1, directory=tmp_path)
    assert official.true_labels
    write_arrays(tmp_path / "images" / "cifar10.npz", {}, x_train=images)
    archived = mini_batch("cifar10", 16, 32, 1, tmp_path)
    np.testing.assert_array_equal(archived.images, official.images)
    assert not archived.true_labels  # an archive without `y_train`
    assert SOURCES["cifar10"].find(tmp_path) == "images/cifar10.npz"


@pytest.mark.parametrize("name", ["photos", "noise", "digits"])
def test_grey_images_have_one_channel_and_are_normalised(name):
    grey, coloured = (mini_batch(name, 64, 16, 1, channels=channels) for channels in (1, 3))
    assert grey.images.shape == (64, 1, 16, 16)
    assert grey.images.dtype == np.float32
    assert abs(grey.images.mean()) < 0.2
    assert abs(grey.images.std() - 1) < 0.2
    np.testing.assert_array_equal(grey.labels, coloured.labels)
    if name == "photos":
        weights = np.array([0.299, 0.587, 0.114])[:, None, None]
        luminance = (weights * coloured.images).sum(1, keepdims=True)
        np.testing.assert_allclose(grey.images, luminance, atol=1e-5)
    else:
        np.testing.assert_array_equal(grey.images, coloured.images[:, :1])


def test_other_numbers_of_channels_are_refused():
    with pytest.raises(NaswotError, match="1 or 3 channels, not 4"):
        mini_batch("noise", 4, 8, 0, channels=4)


def test_photographs_give_images_larger_than_themselves():
    assert mini_batch("photos", 3, 400, seed=0).images.shape == (3, 3, 400, 400)


def test_an_empty_path_is_the_working_directory(mirror, monkeypatch):
    monkeypatch.chdir(mirror)
    there, here = (mini_batch("cifar10", 2, 32, seed=0, directory=path) for path in (mirror, ""))
    np.testing.assert_array_equal(there.images, here.images)


def test_a_directory_without_the_images_is_named(tmp_path):
    with pytest.raises(NaswotError, match="lacks the images 'imagenette'"):
        mini_batch("imagenette", 3, 32, seed=0, directory=tmp_path)
