"""Images from official files: the same pixels as published, and nothing is ever run."""

import io
import os
import pickle
import struct
import tarfile
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naswot.errors import NaswotError
from naswot.images import cifar, imagenet16, mini_batch
from naswot.images.archives import ARCHIVES

PER_BATCH = 10


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 and its NumPy wrote: strings of bytes, flags of dtypes as 0 and 1."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_bytes(self, content):
        content = content.encode("ascii") if isinstance(content, str) else content
        if len(content) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(content)]) + content)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(content)

    def save_flag(self, flag):
        self.write(pickle.BININT1 + bytes([flag]))

    dispatch[bytes] = dispatch[str] = save_bytes
    dispatch[bool] = save_flag


def python2(value) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def rows(images) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def synthetic(count=50, side=32, classes=10, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, side, side, 3), np.uint8)
    return images, generator.integers(0, classes, count)


def pickled(name, images, labels, dump=python2) -> dict[str, bytes]:
    """Return the files of the python edition, by name."""
    if name == "cifar100":
        batch = {"data": rows(images), "fine_labels": labels.tolist(), "coarse_labels": [0]}
        return {"train": dump(batch), "test": dump(batch)}
    batches = {}
    for number, part in enumerate(np.split(np.arange(len(images)), 5), 1):
        batches[f"data_batch_{number}"] = dump(
            {
                "batch_label": f"training batch {number} of 5",
                "labels": labels[part].tolist(),
                "data": rows(images[part]),
                "filenames": [f"{index}.png" for index in part],
            }
        )
    return batches


def binary(name, images, labels) -> dict[str, bytes]:
    """Return the files of the binary edition, by name."""
    if name == "cifar100":
        pairs = np.stack([labels // 5, labels], 1).astype(np.uint8)
        return {"train.bin": np.hstack([pairs, rows(images)]).tobytes()}
    records = np.hstack([labels[:, None].astype(np.uint8), rows(images)])
    parts = np.split(records, 5)
    return {f"data_batch_{number}.bin": part.tobytes() for number, part in enumerate(parts, 1)}


def put(files, target):
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return target


def pack(files, path, inside="cifar-10-batches-py/"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(inside + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("files_of", [pickled, binary])
def test_the_real_images_come_back_from_either_edition(name, files_of, mirror, tmp_path):
    with np.load(mirror / "images" / f"{name}.npz") as stored:
        images, labels = stored["x_train"][:50], stored["y_train"][:50].astype(int)
    files = files_of(name, images, labels)
    edition = cifar.EDITIONS[name][files_of is binary]
    places = [
        put(files, tmp_path / "plain"),
        put(files, tmp_path / "mirror" / "images" / edition.folder).parents[1],
        pack(files, tmp_path / "some.tar.gz"),
        pack(files, tmp_path / "archive" / edition.archive, f"{edition.folder}/").parent,
    ]
    for place in places:
        found, found_labels = cifar.read(place, name)
        np.testing.assert_array_equal(found, images)
        np.testing.assert_array_equal(found_labels, labels)
        assert found.dtype == np.uint8


def test_pickles_of_python_2_are_read_without_a_warning(tmp_path):
    images, labels = synthetic()
    content = pickled("cifar10", images, labels)["data_batch_1"]
    assert b"cnumpy.core.multiarray\n_reconstruct" in content
    assert b"K\x00K\x01\x87" in content
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        put(pickled("cifar10", images, labels), tmp_path)
        np.testing.assert_array_equal(cifar.read(tmp_path, "cifar10")[0], images)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_of_python_3_are_read_too(protocol, tmp_path):
    images, labels = synthetic()
    files = pickled("cifar10", images, labels, lambda batch: pickle.dumps(batch, protocol))
    np.testing.assert_array_equal(cifar.read(put(files, tmp_path), "cifar10")[0], images)


def test_the_test_images_are_apart(tmp_path):
    images, labels = synthetic()
    files = {"test_batch": python2({"data": rows(images), "labels": labels.tolist()})}
    assert len(cifar.read(put(files, tmp_path), "cifar10", train=False)[0]) == 50
    with pytest.raises(NaswotError, match=r"no training images of cifar10: put cifar-10-python"):
        cifar.read(tmp_path, "cifar10")
    with pytest.raises(NaswotError, match="no data set 'mnist'"):
        cifar.read(tmp_path, "mnist")


def check_draw(name, mirror, images, labels):
    """Check for different ones of `images`, normalised as the benchmarks do, with their labels."""
    batch, archive = mini_batch(name, 8, images.shape[1], 3, mirror), ARCHIVES[name]
    assert batch.images.dtype == np.float32
    assert batch.images.shape == (8, 3, *images.shape[1:3])
    normalised = ((images - archive.mean) / archive.std).transpose(0, 3, 1, 2)
    nearest = np.abs(batch.images[:, None] - normalised[None]).max((2, 3, 4))
    assert (nearest.min(1) < 1e-5).all()
    chosen = nearest.argmin(1)
    np.testing.assert_array_equal(
        chosen, np.random.default_rng(3).choice(len(images), 8, replace=False)
    )
    np.testing.assert_array_equal(batch.labels, labels[chosen])
    assert batch.labels.dtype == np.int64
    assert (batch.classes, batch.true_labels) == (archive.classes, True)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("files_of", [pickled, binary])
def test_mini_batches_are_drawn(name, files_of, tmp_path):
    images, labels = synthetic(classes=ARCHIVES[name].classes)
    put(files_of(name, images, labels), tmp_path / cifar.EDITIONS[name][files_of is binary].folder)
    check_draw(name, tmp_path, images, labels)
    with pytest.raises(NaswotError, match="has 50 images; a mini-batch of 51"):
        mini_batch(name, 51, 32, 0, tmp_path)


INTACT = {"data": np.zeros((2, 3072), np.uint8), "labels": [0, 0]}


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_a_pickle_that_imports_anything_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = synthetic()
    files = pickled("cifar10", images, labels)
    attacks = [
        pickle.dumps({"data": Malicious(), "labels": [0]}, protocol=protocol)
        for protocol in range(6)
    ]
    attacks.append(b"cnumpy.testing\nmeasure\n(S'1'\ntR.")
    for content in attacks:
        put(files | {"data_batch_3": content}, tmp_path / "files")
        with pytest.raises(NaswotError, match=r"data_batch_3 .*: it tries to import (posix|nump)"):
            cifar.read(tmp_path / "files", "cifar10")
    assert os.listdir(tmp_path) == ["files"]


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nndarray\n((I1000000000\nI1000000000\nttR.",  # fills the memory
        b"(dr\xff\xff\xff\x7f.",  # an index of the memo that does
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
        b"c_codecs\nencode\n(Vx\nS'zip'\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n}S'__setstate__'\nNs\x86b.",
        b"c_codecs\nencode\n}S'__new__'\nNs\x86b.",
        pickle.dumps([1, 2]),
        pickle.dumps({"data": np.zeros((2, 3072), object), "labels": [0, 0]}),
        pickle.dumps({"data": np.zeros((2, 3072)), "labels": [0, 0]}),
        pickle.dumps({"data": np.zeros((2, 3071), np.uint8), "labels": [0, 0]}),
        pickle.dumps(INTACT | {"more": np.ones(2, bool)}),
        pickle.dumps(INTACT | {"more": {1}}, protocol=2),
        pickle.dumps({"labels": [0, 0]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8)}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 10]}),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0, "cat"]}),
        b"",
    ],
)
def test_a_pickle_of_another_kind_is_named(content, tmp_path):
    put({"test_batch": content}, tmp_path)
    with pytest.raises(NaswotError, match="test_batch"):
        cifar.read(tmp_path, "cifar10", train=False)


def some_files():
    images, labels = synthetic(PER_BATCH)
    return {
        "test": python2({"data": rows(images), "fine_labels": labels.tolist()}),
        "test.bin": np.hstack([np.zeros((10, 2), np.uint8), rows(images)]).tobytes(),
    }


@settings(deadline=None)
@given(name=st.sampled_from(["test", "test.bin"]), cut=st.floats(0, 0.9999))
def test_a_truncated_file_is_named(name, cut, tmp_path_factory):
    content = some_files()[name]
    cut = int(len(content) * cut)
    cut -= name == "test.bin" and cut > 0 and cut % 3074 == 0  # else fewer, but whole records
    place = put({name: content[:cut]}, tmp_path_factory.mktemp("cut"))
    with pytest.raises(NaswotError, match=name):
        cifar.read(place, "cifar100", train=False)


@settings(deadline=None, max_examples=40)
@given(cut=st.floats(0, 0.99), name=st.sampled_from(["test", "test.bin"]))
def test_a_truncated_archive_is_named(cut, name, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "cifar-100.tar.gz"
    content = pack({name: some_files()[name]}, path).read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(NaswotError, match=r"cifar-100\.tar\.gz"):
        cifar.read(path, "cifar100", train=False)


@settings(deadline=None)
@given(garbage=st.binary(max_size=300))
def test_garbage_is_named(garbage, tmp_path_factory):
    place = put({"test": garbage}, tmp_path_factory.mktemp("garbage"))
    for path in (place, place / "test"):
        with pytest.raises(NaswotError, match="test"):
            cifar.read(path, "cifar100", train=False)


@settings(deadline=None)
@given(data=st.data())
def test_damage_ends_in_a_message_or_in_images(data, tmp_path_factory):
    """A flipped byte may be a pixel; it never leads to another kind of error."""
    content = bytearray(some_files()["test"])
    places = st.one_of(st.integers(0, 200), st.integers(len(content) - 200, len(content) - 1))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(places)] = data.draw(st.integers(0, 255))
    place = put({"test": bytes(content)}, tmp_path_factory.mktemp("damage"))
    try:
        images, _ = cifar.read(place, "cifar100", train=False)
    except NaswotError as error:
        assert str(place / "test") in str(error)  # noqa: PT017
    else:
        assert images.shape == (PER_BATCH, 32, 32, 3)


def test_records_with_an_impossible_label_are_refused(tmp_path):
    record = np.zeros((3, 3073), np.uint8)
    record[2, 0] = 10
    put({"test_batch.bin": record.tobytes()}, tmp_path)
    with pytest.raises(NaswotError, match=r"test_batch\.bin has the label 10 at offset 6146"):
        cifar.read(tmp_path, "cifar10", train=False)


def test_an_archive_leaves_no_file_anywhere(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    images, labels = synthetic()
    files = binary("cifar10", images, labels) | {"../../../escaped": b"x"}
    path = pack(files, tmp_path / "a.tar.gz", "../")
    np.testing.assert_array_equal(cifar.read(path, "cifar10")[0], images)
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "here"]
    assert os.listdir(tmp_path / "here") == []


def test_a_member_that_is_no_file_or_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(NaswotError, match="no test images of cifar10"):
        cifar.read(path, "cifar10", train=False)
    monkeypatch.setattr(cifar, "LARGEST_FILE_BYTES", 3072)
    pack({"test_batch.bin": bytes(3073)}, path)
    with pytest.raises(NaswotError, match=r"test_batch\.bin has 3,073 bytes; no official file"):
        cifar.read(path, "cifar10", train=False)
    put({"test_batch.bin": bytes(3073)}, tmp_path)
    with pytest.raises(NaswotError, match=r"test_batch\.bin has 3,073 bytes; no official file"):
        cifar.read(tmp_path, "cifar10", train=False)


def test_a_missing_batch_is_named(tmp_path):
    files = pickled("cifar10", *synthetic())
    del files["data_batch_4"]
    with pytest.raises(NaswotError, match="has only 4 of the files data_batch_1"):
        cifar.read(put(files, tmp_path / "files"), "cifar10")
    with pytest.raises(NaswotError, match="lacks data_batch_4"):
        cifar.read(pack(files, tmp_path / "a.tar.gz"), "cifar10")


def imagenet_batches(images, labels, dump=python2) -> dict[str, bytes]:
    parts = np.array_split(np.arange(len(images)), 10)
    return {
        f"train_data_batch_{number}": dump(
            {
                "data": rows(images[part]),
                "labels": labels[part].tolist(),
                "mean": rows(images).mean(0),
            }
        )
        for number, part in enumerate(parts, 1)
    }


@pytest.mark.parametrize("dump", [python2, pickle.dumps])
def test_imagenet16_keeps_120_classes(dump, mirror, tmp_path):
    with np.load(mirror / "images" / "imagenet16.npz") as stored:
        images, labels, kept = stored["x"], stored["y"].astype(int), stored["in_imagenet16_120"]
    put(imagenet_batches(images, labels, dump), tmp_path / "images" / "ImageNet16")
    found, found_labels = imagenet16.read(tmp_path)
    np.testing.assert_array_equal(found, images[kept])
    np.testing.assert_array_equal(found_labels, labels[kept] - 1)
    check_draw("imagenet16", tmp_path, images[kept], labels[kept] - 1)


def test_unsound_batches_of_imagenet16_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = synthetic(20, 16)
    files = imagenet_batches(images, labels + 1)
    with pytest.raises(NaswotError, match="has no train_data_batch_1: put the batches"):
        imagenet16.read(tmp_path)
    put({"train_data_batch_1": b""}, tmp_path / "one")
    with pytest.raises(NaswotError, match="lacks train_data_batch_10, train_data_batch_2"):
        imagenet16.read(tmp_path / "one")
    for content, message in [
        (pickle.dumps({"data": Malicious()}), "tries to import"),
        (files["train_data_batch_7"][:-300], "cannot be read: Ran out of input"),
        (python2({"data": rows(images), "labels": [0] * 20}), "label 0; labels are from 1 to 1000"),
    ]:
        put(files | {"train_data_batch_7": content}, tmp_path)
        with pytest.raises(NaswotError, match=f"train_data_batch_7 .*{message}"):
            imagenet16.read(tmp_path)
    assert not (tmp_path / "pwned").exists()
