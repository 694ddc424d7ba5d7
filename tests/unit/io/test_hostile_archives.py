"""Archives and images that expand without end, or whose members are not what they should be."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
import zlib

import hostile
import miniatures
import numpy as np
import pytest
from PIL import Image

from naswot.images import cifar, folder

MIB = 2**20


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = size, kind, link
    return member.tobuf(tarfile.GNU_FORMAT)


def gzipped(*parts: bytes) -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed:
        for part in parts:
            packed.write(part)
    return stream.getvalue()


TAR_BOMBS = {
    "attributes": (gzipped(header("a", 2**33, tarfile.XHDTYPE), *[bytes(MIB)] * 64), "too long"),
    "a long name": (
        gzipped(header("a", 2**33, tarfile.GNUTYPE_LONGNAME), *[b"a" * MIB] * 64),
        "too long",
    ),
    "a long link": (gzipped(header("a", 2**33, tarfile.GNUTYPE_LONGLINK)), "too long"),
    "a member to skip": (gzipped(header("a", 2**40), bytes(MIB)), "it has more than"),
    "a negative member": (gzipped(header("a", -1024)), "has no end"),
}


@pytest.mark.parametrize("bomb", TAR_BOMBS)
@pytest.mark.parametrize("name", ["cifar_tar", "imagenette", "nats_tar"])
def test_a_tar_bomb_is_refused(name, bomb, tmp_path):
    content, message = TAR_BOMBS[bomb]
    if name == "nats_tar":  # not compressed
        content = gzip.decompress(content)
        message = "not a readable tar" if bomb == "a member to skip" else message
    assert message in hostile.complaint_of(name, content, tmp_path)


def test_headers_without_end_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("naswot.io.tar.MOST_MEMBERS", 2000)
    content = gzipped(*[header("a")] * 3000)
    assert "more than 2,000 members" in hostile.complaint_of("cifar_tar", content, tmp_path)


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "../../etc/passwd"),
        (tarfile.CHRTYPE, ""),
        (tarfile.FIFOTYPE, ""),
        (tarfile.DIRTYPE, ""),
    ],
)
def test_links_and_devices_are_no_images(kind, link, tmp_path):
    odd = header("cifar-100-python/train", 0, kind, link) + bytes(1024)
    assert "no training images" in hostile.complaint_of("cifar_tar", gzipped(odd), tmp_path)
    odd = header("imagenette2/train/a/1.jpg", 0, kind, link) + bytes(1024)
    assert "has 0 images" in hostile.complaint_of("imagenette", gzipped(odd), tmp_path)


@pytest.mark.parametrize("place", ["../../evil/train", "/tmp/evil/train", "c:\\evil/train"])
def test_nothing_is_written_wherever_a_member_wants_to_be(place, tmp_path):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    path = inside / "cifar.tar.gz"
    path.write_bytes(miniatures.tar({place: miniatures.batch(key="fine_labels")}, "w:gz"))
    assert len(cifar.read(path, "cifar100")[0]) == 2
    name = f"{place.removesuffix('train')}nds_data/DARTS.json"
    content = miniatures.zipped({name: miniatures.nds(miniatures.cells_net())})
    assert hostile.complaint_of("nds_zip", content, inside) == ""
    found = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert found == {f"a/b/{file}" for file in ("cifar.tar.gz", "nds_data.zip", "kept.parquet")}


def claiming(content: bytes, size: int) -> bytes:
    """Return a zip archive whose directory claims that each member has `size` bytes."""
    first, *members = content.split(b"PK\x01\x02")
    claims = [member[:20] + struct.pack("<I", size) + member[24:] for member in members]
    return b"PK\x01\x02".join([first, *claims])


def test_a_zip_that_claims_too_much_is_refused(tmp_path):
    small = miniatures.zipped({"DARTS.json": b"[]"})
    told = hostile.complaint_of("nds_zip", claiming(small, 2**31), tmp_path)
    assert "DARTS.json would have 2,147,483,648 bytes" in told
    arrays = miniatures.npz(x_train=np.zeros(3), y_train=np.zeros(3))
    told = hostile.complaint_of("npz", claiming(arrays, 2**32 - 2), tmp_path)
    assert "it would have 8,589,934,588 bytes" in told


def test_a_zip_that_holds_more_than_it_claims_is_not_expanded(tmp_path):
    bomb = miniatures.zipped({"DARTS.json": b" " * (64 * MIB)})
    told = hostile.complaint_of("nds_zip", claiming(bomb, 100), tmp_path, memory=48 * MIB)
    assert "nds_data.zip" in told


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_unbounded_compression_is_refused(compression, tmp_path):
    packed = miniatures.zipped({"DARTS.json": b"[]"}, compression)
    assert "neither stored nor deflated" in hostile.complaint_of("nds_zip", packed, tmp_path)
    packed = miniatures.zipped({"x_train.npy": bytes(MIB)}, compression)
    assert "neither stored nor deflated" in hostile.complaint_of("npz", packed, tmp_path)


def test_an_array_of_a_shape_that_is_not_there_is_refused(tmp_path):
    shape = miniatures.npy_header((2**40, 32, 32, 3)) + bytes(MIB)
    npz = miniatures.zipped({"x_train.npy": shape})
    assert "not a readable .npz" in hostile.complaint_of("npz", npz, tmp_path)


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    about = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", about), *chunks, (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


BOMB = zlib.compress(bytes(128 * MIB), 1)
PNG_BOMBS = {
    "pixels": png(60_000, 60_000, (b"IDAT", BOMB)),
    "pixels within bounds": png(12_000, 6_000, (b"IDAT", BOMB[:1000])),
    "pixels of the largest cameras": png(20_000, 14_000, (b"IDAT", BOMB[:1000])),
    "text": png(1, 1, (b"zTXt", b"a\0\0" + BOMB), (b"IDAT", zlib.compress(bytes(4)))),
    "a profile": png(1, 1, (b"iCCP", b"a\0\0" + BOMB), (b"IDAT", zlib.compress(bytes(4)))),
}


@pytest.mark.parametrize("bomb", PNG_BOMBS)
def test_a_png_bomb_takes_no_memory(bomb, tmp_path):
    told = hostile.complaint_of("image", PNG_BOMBS[bomb], tmp_path)
    if bomb not in ("text", "a profile"):
        assert ("is too large" if bomb == "pixels" else "is not a readable") in told


def test_a_jpeg_file_is_not_gone_over_without_end(tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "JPEG", progressive=True)
    whole = stream.getvalue()
    assert hostile.complaint_of("image", whole, tmp_path) == ""
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    content = whole[:-2] + 10_000 * scan + whole[-2:]
    assert "more than 100 scans" in hostile.complaint_of("image", content, tmp_path)
    # A marker without a length must not hide the scans behind it.
    content = whole[:-2] + 10_000 * (b"\xff\x01" + scan) + whole[-2:]
    assert "more than 100 scans" in hostile.complaint_of("image", content, tmp_path)


def test_what_lies_behind_a_jpeg_image_does_not_count(tmp_path):
    """Telephones put a film there, in which anything may come."""
    content = miniatures.image("JPEG") + 1000 * b"\xff\xda\x00\x02"
    assert hostile.complaint_of("image", content, tmp_path) == ""


def test_a_file_name_that_is_no_text_is_no_reason_to_stop(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"\xff\xfe.png")
    with open(path, "wb") as stream:
        stream.write(miniatures.image())
    first = folder.fingerprint(tmp_path)
    with open(path, "ab") as stream:
        stream.write(b" ")
    assert first != folder.fingerprint(tmp_path)


@pytest.mark.parametrize("labels", [np.zeros((10**12, 0)), np.zeros(()), np.array([1.5, 2])])
def test_labels_of_odd_shapes_in_an_archive_are_refused(labels, tmp_path):
    images = np.zeros((2, 32, 32, 3), np.uint8)
    content = miniatures.npz(x_train=images, y_train=labels)
    told = hostile.complaint_of("npz", content, tmp_path)
    assert "cifar10.npz" in told
    assert "label" in told
