"""Folders of pictures: chosen by the seed, labelled, fitted to the size, broken ones named."""

import io
import shutil
import struct
import tarfile
import zlib

import numpy as np
import pytest
from PIL import Image

from naswot.errors import NaswotError
from naswot.images import folder, mini_batch
from naswot.images.drawing import standardise


@pytest.fixture
def album(tmp_path):
    """Return a folder of 12 images like ImageNette's, with others beside the training images."""
    generator = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / f"train/n{number % 3:08d}/ILSVRC_{number}.{['JPEG', 'png'][number % 2]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (40 + number, 60, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    (tmp_path / "val").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "val/other.png")
    (tmp_path / "train/noisy_imagenette.csv").write_text("path\n")
    return tmp_path


def draw_folder(path, count=1, size=8, seed=0):
    return mini_batch("folder", count, size, seed, path).images


def test_a_folder_gives_the_same_images_for_the_same_seed(album):
    batch = draw_folder(album, 12)
    assert batch.shape == (12, 3, 8, 8)
    assert batch.dtype == np.float32
    assert len(np.unique(batch.reshape(12, -1), axis=0)) == 12
    np.testing.assert_array_equal(batch, draw_folder(album, 12))
    assert (batch != draw_folder(album, 12, seed=1)).any()
    with pytest.raises(NaswotError, match="has 12 images; a mini-batch of 13"):
        draw_folder(album, 13)
    with pytest.raises(NaswotError, match="is not a folder"):
        draw_folder(album / "absent")


def check_labels(batch, album):
    """Check images of the album, not resized, against the files: class k lies in folder k."""
    for image, label in zip(batch.images, batch.labels, strict=True):
        places = [
            path.parent.name
            for path in folder.image_files(album)
            if np.allclose(image, pixels_in(path), atol=1e-5)
        ]
        assert places == [f"n{label:08d}"]
    assert (batch.classes, batch.true_labels) == (3, True)
    assert batch.labels.dtype == np.int64


def pixels_in(path) -> np.ndarray:
    return standardise(folder.decode(path, 16)[None], folder.MEAN, folder.STD)[0]


def test_the_folder_of_an_image_is_its_class(album):
    for seed in range(3):
        check_labels(mini_batch("folder", 7, 16, seed, album), album)


def test_images_of_one_folder_have_random_labels(album):
    one = album / "train" / "n00000000"
    batches = [mini_batch("folder", 4, 8, 5, one) for _ in range(2)]
    assert (batches[0].classes, batches[0].true_labels) == (10, False)
    np.testing.assert_array_equal(batches[0].labels, batches[1].labels)
    Image.new("RGB", (9, 9)).save(one / "val.png")
    (one / "deeper").mkdir()
    Image.new("RGB", (9, 9), "red").save(one / "deeper" / "a.png")
    batch = mini_batch("folder", 6, 8, 5, one)
    assert (batch.classes, batch.true_labels) == (2, True)
    assert sorted(batch.labels) == [0, 0, 0, 0, 0, 1]


def test_real_photographs_look_normal(mirror):
    batch = draw_folder(mirror / "images" / "imagenet_sample_224", 32, 64)
    assert np.abs(batch.mean((0, 2, 3))).max() < 0.5
    assert np.abs(batch.std((0, 2, 3)) - 1).max() < 0.3


def pixels_of(path) -> np.ndarray:
    """Return the image of a folder with one, undone to the scale 0–255, (H, W, 3)."""
    normalised = draw_folder(path, size=4)[0].transpose(1, 2, 0)
    return normalised * folder.STD + folder.MEAN


def test_the_short_side_fits_and_the_centre_stays(tmp_path):
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:8] = np.arange(48).reshape(4, 4, 3)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    np.testing.assert_allclose(pixels_of(tmp_path), pixels[:, 4:8], atol=1e-3)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_every_kind_of_image_becomes_rgb(mode, tmp_path):
    ending = "jpg" if mode == "CMYK" else "png"
    Image.new("RGB", (6, 5), "white").convert(mode).save(tmp_path / f"a.{ending}")
    np.testing.assert_allclose(pixels_of(tmp_path), np.full((4, 4, 3), 255), atol=2)


def test_sixteen_bits_of_grey_become_eight(tmp_path):
    Image.fromarray(np.full((5, 5), 0x64FF, np.uint16)).save(tmp_path / "a.png")
    np.testing.assert_allclose(pixels_of(tmp_path), np.full((4, 4, 3), 0x64), atol=1e-3)


def test_the_orientation_in_exif_is_not_applied(tmp_path):
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_allclose(pixels_of(tmp_path), pixels, atol=1e-3)


def bomb() -> bytes:
    """Return a small PNG file that claims 50,000 × 50,000 pixels."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def half_a_jpeg() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(stream, "JPEG")
    return stream.getvalue()[: len(stream.getvalue()) // 2]


def a_gif() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (9, 9)).save(stream, "GIF")
    return stream.getvalue()


@pytest.mark.parametrize("content", [b"", b"no image", half_a_jpeg(), bomb(), a_gif()])
def test_a_broken_image_is_named(content, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(NaswotError, match=r"broken\.jpg is not a readable JPEG or PNG image"):
        draw_folder(tmp_path)


def test_an_image_larger_than_allowed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "LARGEST_PIXELS", 99)
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    with pytest.raises(NaswotError, match=r"a\.png .*[(]it claims 10 × 10 pixels"):
        draw_folder(tmp_path)


@pytest.fixture
def archive(album, tmp_path_factory):
    """Return a mirror with ImageNette's archive, in the order that tar happens to write."""
    mirror = tmp_path_factory.mktemp("mirror")
    with tarfile.open(mirror / "imagenette2-160.tgz", "w:gz") as written:
        for path in sorted(album.rglob("*.*"), reverse=True):
            written.add(path, f"imagenette2-160/{path.relative_to(album)}")
    return mirror / "imagenette2-160.tgz"


def test_imagenette_is_the_same_from_its_archive_and_unpacked(album, archive, tmp_path_factory):
    packed = mini_batch("imagenette", 8, 16, 3, archive.parent)
    unpacked = tmp_path_factory.mktemp("unpacked")
    shutil.copytree(album, unpacked / "imagenette2-160")
    loose = mini_batch("imagenette", 8, 16, 3, unpacked)
    np.testing.assert_array_equal(packed.images, loose.images)
    np.testing.assert_array_equal(packed.labels, loose.labels)
    check_labels(packed, album)
    with pytest.raises(NaswotError, match=r"tgz has 12 images; a mini-batch of 13"):
        mini_batch("imagenette", 13, 16, 3, archive.parent)


def test_a_damaged_archive_of_imagenette_is_named(archive):
    whole = archive.read_bytes()
    for content in (whole[: len(whole) // 2], b"no archive", b""):
        archive.write_bytes(content)
        with pytest.raises(NaswotError, match=r"imagenette2-160\.tgz is not a readable tar"):
            mini_batch("imagenette", 4, 16, 0, archive.parent)


def test_a_broken_image_in_an_archive_is_named(archive):
    with tarfile.open(archive, "w:gz") as written:
        member = tarfile.TarInfo("imagenette2-160/train/n0/a.JPEG")
        member.size = 7
        written.addfile(member, io.BytesIO(b"no JPEG"))
    with pytest.raises(NaswotError, match=r"tgz/imagenette2-160/train/n0/a\.JPEG is not"):
        mini_batch("imagenette", 1, 16, 0, archive.parent)


def test_a_fingerprint_tells_changed_folders_apart(album):
    before = folder.fingerprint(album)
    assert folder.fingerprint(album) == before
    whole = folder.fingerprint(album, every=True)
    next(album.glob("val/*.png")).unlink()
    assert folder.fingerprint(album) == before
    assert folder.fingerprint(album, every=True) != whole
    next(album.glob("train/*/*.png")).unlink()
    assert folder.fingerprint(album) != before
