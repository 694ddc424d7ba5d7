"""Folders of pictures: chosen by the seed, labelled, fitted to the size, broken ones named."""

import io
import json
import logging
import shutil
import struct
import tarfile
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from naswot.errors import NaswotError
from naswot.images import decoding, folder, mini_batch
from naswot.images.drawing import standardise
from naswot.io.npz import read_arrays
from naswot.stages.draw_batch import draw_batch


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
    return standardise(decoding.read(path, 16).pixels[None], folder.MEAN, folder.STD)[0]


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


@pytest.mark.parametrize(("ending", "form"), [
    ("JPG", "JPEG"), ("jfif", "JPEG"), ("jpe", "JPEG"), ("png", "PNG"), ("WebP", "WEBP"),
    ("bmp", "BMP"), ("tif", "TIFF"), ("tiff", "TIFF"),
])  # fmt: skip
def test_every_format_is_read(ending, form, tmp_path):
    Image.new("RGB", (6, 5), (200, 100, 50)).save(tmp_path / f"a.{ending}", form)
    np.testing.assert_allclose(pixels_of(tmp_path)[2, 2], (200, 100, 50), atol=2)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("ending", ["jpg", "png", "bmp"])
def test_the_content_tells_the_format_whatever_the_name(form, ending, tmp_path):
    Image.new("RGB", (6, 5), (200, 100, 50)).save(tmp_path / f"a.{ending}", form)
    np.testing.assert_allclose(pixels_of(tmp_path)[2, 2], (200, 100, 50), atol=2)


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"ftyp")
    with pytest.raises(
        NaswotError, match=r"no JPEG, PNG, WebP, BMP or TIFF files, .*\.webp"
    ) as told:
        draw_folder(tmp_path)
    assert "batch" not in str(told.value)


RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16)


def png16(values: np.ndarray) -> bytes:
    """Return a PNG file of 16 bits: (H, W), or (H, W, C) of grey and alpha, RGB or RGBA."""
    channels = values.reshape(*values.shape[:2], -1)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels.shape[-1]]
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in channels)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


def tiff(values: np.ndarray, **how) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **how)
    return stream.getvalue()


def libtiff(values: np.ndarray, compression: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "TIFF", compression=compression)
    return stream.getvalue()


def check_deep(content: bytes, expected: np.ndarray, white: float, tmp_path) -> None:
    path = tmp_path / "a.png"  # its content tells
    path.write_bytes(content)
    found = decoding.read(path, len(expected))
    expected = expected if expected.ndim == 3 else expected[..., None]
    np.testing.assert_allclose(
        found.pixels, np.broadcast_to(expected, found.pixels.shape), atol=1e-3
    )
    assert found.white == white


@pytest.mark.parametrize(("factor", "white"), [(1, 255), (4, 1023), (16, 4095), (257, 65535)])
@pytest.mark.parametrize("write", [
    png16, tiff,
    lambda values: tiff(values, byteorder=">"),
    lambda values: libtiff(values, "tiff_lzw"),
])  # fmt: skip
def test_grey_of_sixteen_bits_keeps_all_its_levels(write, factor, white, tmp_path):
    values = RAMP * factor
    check_deep(write(values), values * (255 / white), white, tmp_path)


@pytest.mark.parametrize("write", [
    png16,
    lambda values: tiff(values, photometric="rgb"),
    lambda values: tiff(values, photometric="rgb", byteorder=">"),
    lambda values: tiff(values, photometric="rgb", compression="zlib"),
    lambda values: tiff(values, photometric="rgb", byteorder=">", compression="zlib"),
])  # fmt: skip
@pytest.mark.parametrize("alpha", [False, True])
def test_colours_of_sixteen_bits_keep_all_their_levels(write, alpha, tmp_path):
    colours = np.stack([RAMP * 16, RAMP[::-1] * 16, RAMP.T], axis=-1)
    opaque = np.full((16, 16, 1), 65535, np.uint16)
    values = np.concatenate([colours, opaque], axis=-1) if alpha else colours
    check_deep(write(values), colours * (255 / 4095), 4095, tmp_path)


def test_grey_of_sixteen_bits_with_alpha_keeps_all_its_levels(tmp_path):
    values = np.stack([RAMP * 16, np.full_like(RAMP, 65535)], axis=-1)
    check_deep(png16(values), RAMP * 16 * (255 / 4095), 4095, tmp_path)


def test_the_white_of_other_numbers_is_one_or_the_largest(tmp_path):
    check_deep(tiff(RAMP / np.float32(255)), RAMP, 1, tmp_path)
    check_deep(tiff(RAMP / np.float32(510)), RAMP / 2, 1, tmp_path)
    check_deep(tiff(RAMP.astype(np.float32) * 10), RAMP, 2550, tmp_path)
    check_deep(tiff(RAMP.astype(np.uint32) * 1000), RAMP, 255_000, tmp_path)
    check_deep(
        tiff((RAMP / 255 - 0.2).astype(np.float32)), np.clip(RAMP - 51.0, 0, None), 1, tmp_path
    )
    wrong = np.full((4, 4), np.nan, np.float32)
    with pytest.raises(NaswotError, match=r"a\.png .*no finite numbers"):
        check_deep(tiff(wrong), wrong, 1, tmp_path)


def test_the_log_and_the_metadata_say_what_is_white(tmp_path, caplog):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name, content in [
        ("a", png16(RAMP * 16)),
        ("b", png16(RAMP * 257)),
        ("c", png16(RAMP * 16)),
    ]:
        (pictures / f"{name}.png").write_bytes(content)
    Image.new("RGB", (9, 9)).save(pictures / "d.png")
    with caplog.at_level(logging.INFO):
        draw_batch(tmp_path / "0.npz", name="folder", count=4, size=8, seed=0, directory=pictures)
    assert "white in images of more than 8 bits: 4095 (2), 65535 (1)" in caplog.text
    metadata = json.loads(str(read_arrays(tmp_path / "0.npz")["metadata"]))
    assert metadata["whites"] == {"4095": 2, "65535": 1}


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_the_orientation_in_exif_is_not_applied(form, tmp_path):
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", form, exif=exif)
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
    what = r"is not a readable JPEG, PNG, WebP, BMP or TIFF image|is too large: 50,000 × 50,000"
    with pytest.raises(NaswotError, match=rf"broken\.jpg ({what})") as told:
        draw_folder(tmp_path)
    assert "0x" not in str(told.value)


def test_an_image_larger_than_allowed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "LARGEST_PIXELS", 99)
    Image.new("RGB", (10, 10)).save(tmp_path / "a.png")
    with pytest.raises(NaswotError, match=r"a\.png is too large: 10 × 10 pixels; at most 99 are"):
        draw_folder(tmp_path)


def test_a_picture_of_ninety_megapixels_is_read_without_a_warning(tmp_path):
    picture = Image.linear_gradient("L").resize((9_000, 10_000))
    picture.save(tmp_path / "a.jpg", quality=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decoding.read(tmp_path / "a.jpg", 10).pixels
    expected = np.asarray(picture.crop((0, 500, 9_000, 9_500)).resize((10, 10)), float)
    np.testing.assert_allclose(found[..., 0], expected, atol=3)
    assert decoding.LARGEST_PIXELS > 200_000_000  # as telephones take them


def test_large_pictures_are_the_same_as_others(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for name, content in [("a.png", pixels), ("b.tif", pixels[..., 0].astype(np.uint16) * 99)]:
        Image.fromarray(content).save(tmp_path / name)
        before = decoding.read(tmp_path / name, 7).pixels
        with monkeypatch.context() as patched:
            patched.setattr(decoding, "LARGE_PIXELS", 0)
            np.testing.assert_array_equal(decoding.read(tmp_path / name, 7).pixels, before)


def test_hidden_files_and_folders_are_left_out(album):
    before, paths = draw_folder(album, 12), folder.image_files(album)
    fingerprint = folder.fingerprint(album)
    first = paths[0]
    for place in (
        first.with_name(f"._{first.name}"),
        album / "train/__MACOSX/n00000000/a.png",
        album / "train/.thumbnails/a.png",
        album / "train/n00000000/@eaDir/a.jpg",
        album / "__MACOSX/train/._a.jpg",
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"\x00\x05\x16\x07")
    assert folder.image_files(album) == paths
    assert folder.fingerprint(album) == fingerprint
    np.testing.assert_array_equal(draw_folder(album, 12), before)


def test_a_hidden_folder_may_hold_the_images(album, tmp_path_factory):
    hidden = tmp_path_factory.mktemp("home") / ".cache/__MACOSX"
    shutil.copytree(album, hidden)
    np.testing.assert_array_equal(draw_folder(hidden, 12), draw_folder(album, 12))


@pytest.fixture
def pictures(tmp_path):
    """Return a writer of pictures of one colour each, and a reader of colour → label."""

    def write(*names: str) -> None:
        for number, name in enumerate(names):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 7), (20 * number, 50, 60)).save(tmp_path / name)

    def labels() -> dict[int, int]:
        batch = mini_batch("folder", len(folder.image_files(tmp_path)), 4, 0, tmp_path)
        assert batch.true_labels == (batch.classes != 10)
        red = batch.images[:, 0, 0, 0] * folder.STD[0] + folder.MEAN[0]
        colours = (int(value) for value in np.rint(red) // 20)
        return dict(zip(colours, batch.labels.tolist(), strict=True)) if batch.true_labels else {}

    return write, labels


@pytest.mark.parametrize("train", ["train", "Train", "TRAIN", "training"])
@pytest.mark.parametrize("test", ["test", "Test", "val", "Valid", "VALIDATION"])
def test_training_images_count_alone_whatever_the_case(train, test, pictures, caplog):
    write, labels = pictures
    write(f"{train}/cat/1.png", f"{train}/dog/1.png", f"{test}/cat/2.png", "other/1.png")
    with caplog.at_level(logging.INFO):
        assert labels() == {0: 0, 1: 1}
    assert f"only the images in {train} count" in caplog.text


@pytest.mark.parametrize("test", ["Test", "val", "valid", "validation"])
def test_test_images_are_no_class_beside_classes(test, pictures, tmp_path, caplog):
    write, labels = pictures
    write("cat/1.png", "dog/1.png", f"{test}/cat/2.png", f"{test}/3.png")
    with caplog.at_level(logging.INFO):
        assert labels() == {0: 0, 1: 1}
    assert f"the images in {test} are left out, as test images" in caplog.text
    before = folder.fingerprint(tmp_path)
    (tmp_path / test / "3.png").unlink()
    assert folder.fingerprint(tmp_path) == before


def test_parts_of_a_data_set_are_no_classes_where_there_is_nothing_else(pictures, tmp_path, caplog):
    write, labels = pictures
    write("Val/cat/1.png", "Val/dog/1.png", "test/dog/2.png", "test/ant/3.png")
    with caplog.at_level(logging.INFO):
        assert labels() == {0: 1, 1: 2, 2: 2, 3: 0}
    assert "test, Val are taken for parts of the data set, not for classes" in caplog.text
    for path in folder.image_files(tmp_path):
        path.rename(path.parents[1] / f"{path.parent.name}{path.name}")
    assert labels() == {}  # random ones


def broken(path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_another_image_is_drawn_in_the_place_of_one_that_cannot_be_read(album, tmp_path, caplog):
    whole = mini_batch("folder", 7, 16, 3, album)
    paths = folder.image_files(album)
    chosen = np.random.default_rng(3).choice(12, 7, replace=False)
    unreadable = chosen[[2, 5]]
    for index in unreadable:
        broken(paths[index])
    batch, again = (mini_batch("folder", 7, 16, 3, album) for _ in range(2))
    np.testing.assert_array_equal(batch.images, again.images)
    np.testing.assert_array_equal(batch.labels, again.labels)
    kept = [0, 1, 3, 4, 6]
    np.testing.assert_array_equal(batch.images[kept], whole.images[kept])
    np.testing.assert_array_equal(batch.labels[kept], whole.labels[kept])
    assert len(np.unique(batch.images.reshape(7, -1), axis=0)) == 7
    assert [
        str(paths[index]) in told for index, told in zip(unreadable, batch.skipped, strict=True)
    ]
    assert "others are drawn in place of 2 unreadable images: " in caplog.text
    with pytest.raises(NaswotError, match=f"{paths[unreadable[0]].name} is not a readable"):
        mini_batch("folder", 7, 16, 3, album, strict=True)
    draw_batch(tmp_path / "0.npz", name="folder", count=7, size=8, seed=3, directory=album)
    assert json.loads(str(read_arrays(tmp_path / "0.npz")["metadata"]))["skipped"] == 2


def test_unreadable_images_leave_random_labels_as_they_were(album):
    one = album / "train/n00000000"
    before = mini_batch("folder", 3, 8, 5, one)
    broken(folder.image_files(one)[np.random.default_rng(5).choice(4, 3, replace=False)[0]])
    after = mini_batch("folder", 3, 8, 5, one)
    np.testing.assert_array_equal(after.labels, before.labels)
    assert len(after.skipped) == 1


def test_too_few_readable_images_are_one_message(album):
    for path in folder.image_files(album)[:6]:
        broken(path)
    assert len(mini_batch("folder", 6, 8, 0, album).skipped) <= 6
    told = (
        r"has 12 images, of which \d cannot be read; a mini-batch of 7 is asked\. .* is not a rea"
    )
    with pytest.raises(NaswotError, match=told):
        mini_batch("folder", 7, 8, 0, album)


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


def test_an_archive_is_read_as_a_folder_is_where_files_are_broken_or_hidden(
    album, archive, tmp_path_factory
):
    paths = folder.image_files(album)
    for index in np.random.default_rng(3).choice(12, 8, replace=False)[:2]:
        broken(paths[index])
    paths[0].with_name(f"._{paths[0].name}").write_bytes(b"\x00\x05\x16\x07")
    with tarfile.open(archive, "w:gz") as written:
        written.add(album, "imagenette2-160")
    unpacked = tmp_path_factory.mktemp("unpacked")
    shutil.copytree(album, unpacked / "imagenette2-160")
    packed, loose = (mini_batch("imagenette", 8, 16, 3, one) for one in (archive.parent, unpacked))
    np.testing.assert_array_equal(packed.images, loose.images)
    np.testing.assert_array_equal(packed.labels, loose.labels)
    assert len(packed.skipped) == len(loose.skipped) >= 2


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
