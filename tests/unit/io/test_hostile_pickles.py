"""Pickles that would crash the interpreter, fill the memory or never end, wherever one is read."""

import bz2
import io
import pickle
import struct
import zipfile

import hostile
import miniatures
import numpy as np
import pytest
from fuzz import ALL
from fuzz.harness import attempt

from naswot.benchmarks import nasbench201_pth
from naswot.errors import NaswotError
from naswot.io import pickle_guard, pickles


def doubling(levels: int) -> bytes:
    """Return a key of 2^levels parts: tuples of the same tuple twice."""
    pairs = b"".join(bytes((104, i, 104, i)) + b"\x86\x94" for i in range(levels))
    return b"\x80\x04})\x85\x940" + pairs + b"Ns."


BOMBS = {
    "a memo entry beyond all others": (b"\x80\x02Nr\xff\xff\xff\x0f.", "memo index"),
    "a memo entry in decimals": (b"Np999999999\n.", "memo index"),
    "a key a million tuples deep": (b"\x80\x02}N" + b"\x85" * 1_000_000 + b"Ns.", "of more than"),
    "a key that doubles": (doubling(40), "of more than 1000 parts"),
    "bytes that are not there": (b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b".", "Ran out of"),
    "bytes to be changed": (b"\x80\x05\x96" + struct.pack("<Q", 2**32) + b".", "invalid operation"),
    "a number of two billion bytes": (b"\x80\x02\x8b\xff\xff\xff\x7f.", "Ran out of input"),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", ["pickle", "cifar_pickle", "imagenet16", "nats_entry"])
def test_a_pickle_that_asks_for_too_much_is_refused_before_it_is_loaded(name, bomb, tmp_path):
    content, message = BOMBS[bomb]
    assert message in hostile.complaint_of(name, content, tmp_path)


def test_a_pickle_in_a_pytorch_file_is_looked_at_too(tmp_path):
    deep = BOMBS["a key a million tuples deep"][0]
    content = miniatures.zipped({"archive/data.pkl": deep}, zipfile.ZIP_STORED)
    assert "of more than" in hostile.complaint_of("nasbench201_pth", content, tmp_path)
    older = miniatures.pth(False)
    start = len(older) - len(pickle.dumps({}, 2))
    assert "Ran out" in hostile.complaint_of("nasbench201_pth", older[: start // 2], tmp_path)


def test_a_batch_of_images_has_no_millions_of_parts(tmp_path):
    content = b"\x80\x02" + b"]" * 10_000_001 + b"."
    assert "more parts than any" in hostile.complaint_of("cifar_pickle", content, tmp_path)


def test_what_is_looked_through_is_loaded_as_before():
    content = [{("a", 1): (2.5, None)}, {1, 2}, frozenset({(3, 4)}), b"x" * 300, 10**300, [[]] * 9]
    for protocol in range(5):
        for dumps in (pickle.dumps, pickle._dumps):
            stream = io.BytesIO(b"before" + dumps(content, protocol) + b"after")
            stream.seek(6)
            pickle_guard.examine(stream)
            assert stream.tell() == 6
            assert pickle.load(stream) == content


def test_a_bzip2_bomb_is_not_unpacked(tmp_path):
    size = pickles.MAXIMUM_BYTES + 1
    told = hostile.complaint_of("nats_bzip2", bz2.compress(bytes(size)), tmp_path)
    assert "decompresses to more than 16,777,216 bytes" in told


def test_a_flipped_bit_in_a_pytorch_archive_is_noticed(tmp_path):
    content = bytearray(miniatures.pth(True))
    place = content.index(struct.pack(">d", 7.8))
    content[place + 7] ^= 1
    with pytest.raises(NaswotError, match=r"NAS-Bench-201\.pth cannot be read \(Bad CRC-32"):
        raise attempt(ALL["nasbench201_pth"], bytes(content), tmp_path)


def test_a_locked_pytorch_archive_is_named(tmp_path, monkeypatch):
    content = bytearray(miniatures.pth(True))
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = -1
        while (place := content.find(signature, place + 1)) >= 0:
            content[place + flags] |= 1
    (tmp_path / "NAS-Bench-201.pth").write_bytes(content)
    with pytest.raises(NaswotError, match=r"NAS-Bench-201\.pth cannot be read .*password"):
        nasbench201_pth.read(tmp_path / "NAS-Bench-201.pth")


def changed(**values) -> dict:
    """Return an architecture's file of NATS-Bench, of which the first training is changed."""
    entry = miniatures.entry()
    entry["01"]["all_results"]["cifar10", 777].update(values)
    return entry


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (changed(epochs=10**9, eval_acc1es={"ori-test@999999999": 5.0}), "1000000000 epochs"),
        (changed(epochs=10**5000), "epochs"),
        (changed(eval_names=["x/y/z"], eval_acc1es={"x/y/z@0": 5.0}), "splits are"),
        (changed(params=float("inf")), "inf millions"),
        (changed(flop=10**400), "millions"),
        ({float("inf"): miniatures.entry()["01"]}, "does not hold an architecture"),
        ({"01": np.float64(1)}, "does not hold an architecture"),
        (miniatures.entry("\ud800"), "meta.pickle.pbz2 has 8:8:8:8:8"),
    ],
)
def test_numbers_and_names_beyond_reason_are_refused(entry, message, tmp_path):
    told = attempt(ALL["nats_entry"], pickle.dumps(entry, 4), tmp_path)
    assert message in str(told)


@pytest.mark.parametrize("arch", [["a", "list"], "\ud800", None])
def test_architectures_that_are_no_text_are_refused(arch, tmp_path):
    content = pickle.loads(
        zipfile.ZipFile(io.BytesIO(miniatures.pth(True))).read("archive/data.pkl")
    )
    content["meta_archs"] = [arch]
    content = miniatures.zipped({"archive/data.pkl": pickle.dumps(content, 2)}, zipfile.ZIP_STORED)
    assert "not NAS-Bench-201" in str(attempt(ALL["nasbench201_pth"], content, tmp_path))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"data": np.array(1, np.uint8), "fine_labels": [1]}, "should hold 'data'"),
        ({"data": np.zeros((2, 3072), np.uint8), "fine_labels": np.zeros((10**12, 0))}, "2 labels"),
        ({"data": np.zeros((1, 3072), np.uint8), "fine_labels": [10**5000]}, "the label a int"),
    ],
)
def test_arrays_of_odd_shapes_are_refused(batch, message, tmp_path):
    content = pickle.dumps(batch, 3)
    assert message in hostile.complaint_of("cifar_pickle", content, tmp_path)
