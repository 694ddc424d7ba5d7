"""Image sources: the same normalised mini-batch for the same seed."""

import numpy as np
import pytest

from naswot.errors import NaswotError
from naswot.files import read_arrays, write_arrays
from naswot.images import SOURCES, mini_batch, write_mini_batch

SIZES = {"photos": 16, "noise": 16, "cifar10": 32, "cifar100": 32, "imagenet16": 16}
OFFLINE = ["photos", "noise"]
MIRRORED = ["cifar10", "cifar100", "imagenet16"]  # the others have tests of their own


def check_batch(name, mirror):
    batch = mini_batch(name, 32, SIZES[name], seed=1, directory=mirror)
    assert batch.shape == (32, 3, SIZES[name], SIZES[name])
    assert batch.dtype == np.float32
    assert np.abs(batch.mean((0, 2, 3))).max() < 0.5
    assert np.abs(batch.std((0, 2, 3)) - 1).max() < 0.4
    np.testing.assert_array_equal(batch, mini_batch(name, 32, SIZES[name], 1, mirror))
    assert (batch != mini_batch(name, 32, SIZES[name], 2, mirror)).any()
    assert len(np.unique(batch.reshape(32, -1), axis=0)) == 32


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_sources(name):
    check_batch(name, mirror=None)


@pytest.mark.parametrize("name", MIRRORED)
def test_mirrored_sources(name, mirror):
    check_batch(name, mirror)


def test_cifar10_images_are_those_of_the_reference_batch(mirror, shared):
    """Undoing our normalisation and applying theirs gives the reference batch's values."""
    with np.load(shared / "golden" / "batches" / "cifar10_128.npz") as reference:
        pixels, images = reference["uint8"], reference["images"]
    from naswot.images import standardise
    from naswot.images.archives import ARCHIVES

    archive = ARCHIVES["cifar10"]
    ours = standardise(pixels.transpose(0, 2, 3, 1).astype(float), archive.mean, archive.std)
    np.testing.assert_allclose(ours, images, atol=5e-3)


@pytest.mark.parametrize("size", [8, 24, 32])
def test_photos_come_in_any_size(size):
    assert mini_batch("photos", 4, size, seed=0).shape == (4, 3, size, size)


def test_a_written_batch_describes_itself(tmp_path):
    write_mini_batch(tmp_path / "0.npz", name="photos", count=4, size=8, seed=0)
    arrays = read_arrays(tmp_path / "0.npz")
    assert arrays["images"].shape == (4, 3, 8, 8)
    assert "public domain" in str(arrays["metadata"])


def test_what_cannot_be_drawn_is_explained(tmp_path):
    with pytest.raises(NaswotError, match=r"no images 'cats'; there are: photos, noise"):
        mini_batch("cats", 4, 16, 0)
    with pytest.raises(NaswotError, match="set `mirror`"):
        mini_batch("cifar10", 4, 32, 0)
    with pytest.raises(NaswotError, match="32 pixels wide, not 16"):
        mini_batch("cifar10", 4, 16, 0, tmp_path)
    with pytest.raises(NaswotError, match=r"cifar10\.npz does not exist"):
        mini_batch("cifar10", 4, 32, 0, tmp_path)


def test_an_archive_of_another_form_is_named(tmp_path):
    path = tmp_path / "images" / "cifar10.npz"
    write_arrays(path, {}, x_train=np.zeros((9, 32, 32), np.uint8))
    with pytest.raises(NaswotError, match=r"cifar10\.npz should hold uint8 images"):
        mini_batch("cifar10", 4, 32, 0, tmp_path)
    write_arrays(path, {}, x_train=np.zeros((3, 32, 32, 3), np.uint8))
    with pytest.raises(NaswotError, match="has 3 images; a mini-batch of 4"):
        mini_batch("cifar10", 4, 32, 0, tmp_path)
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
    write_arrays(tmp_path / "images" / "cifar10.npz", {}, x_train=images)
    np.testing.assert_allclose(mini_batch("cifar10", 16, 32, 1, tmp_path), official, atol=1e-6)
    assert SOURCES["cifar10"].find(tmp_path) == "images/cifar10.npz"
