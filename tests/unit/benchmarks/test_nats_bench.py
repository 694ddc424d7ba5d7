"""Pickles of plain data, and NATS-Bench as it was released."""

import bz2
import io
import os
import pickle
import shutil
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks import nats_bench
from naswot.benchmarks.convert import describe
from naswot.benchmarks.table import accuracy_keys, check
from naswot.errors import NaswotError
from naswot.io.pickles import (
    NUMPY_ARRAYS,
    NUMPY_SCALARS,
    ORDERED_DICT,
    PROTOCOL_2,
    decompressed,
    load,
)
from naswot.spaces import SPACES

EVERYTHING = ORDERED_DICT | NUMPY_SCALARS | NUMPY_ARRAYS
FOLDERS = {"tss": "NATS-tss-v1_0-3ffb9-simple", "sss": "NATS-sss-v1_0-50262-simple"}
SAMPLES = [0, 11, 284]


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


def reloaded(content: object, protocol: int = 4, allowed=EVERYTHING):
    return load(io.BytesIO(pickle.dumps(content, protocol)), allowed, "their.pickle")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_is_read_as_it_was_written(protocol):
    content = {
        "plain": [1, 2.5, None, True, "text", (3, 4)],
        "ordered": OrderedDict(b=1, a=OrderedDict(c=2)),
    }
    if protocol >= 3:  # before, bytes were written as a call
        content["scalars"] = [np.float64(0.1), np.float32(0.1), np.int64(-7), np.bool_(True)]
    read = reloaded(content, protocol)
    assert read == content
    assert list(read["ordered"]) == ["b", "a"]
    assert list(map(type, read.get("scalars", []))) == list(map(type, content.get("scalars", [])))


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<i4", "|u1", "|b1"])
def test_arrays_of_numbers_are_read(dtype):
    array = np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype))
    read = reloaded(array)
    assert read.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(read, array)


def stream(*opcodes: bytes) -> io.BytesIO:
    return io.BytesIO(b"\x80\x02" + b"".join(opcodes) + b".")


CALL = b"X\x0b\x00\x00\x00touch pwned\x85R"  # with the argument tuple ("touch pwned",)


@pytest.mark.parametrize(
    ("pickled", "refused"),
    [
        (pickle.dumps(Malicious(), 0), r"posix\.system"),
        (pickle.dumps({"a": [Malicious()]}, 5), r"posix\.system"),
        (pickle.dumps(np.array([Malicious()], dtype=object)), r"posix\.system|type 'O8'"),
        (pickle.dumps(np.array([[1, "x"]], dtype=object)), "of type 'O8'"),
        (pickle.dumps(OrderedDict(a=np.array([Malicious()], dtype=object))), "O8|system"),
        (stream(b"cbuiltins\ngetattr\n", CALL).getvalue(), r"builtins\.getattr"),
        (stream(b"cbuiltins\neval\n", CALL).getvalue(), r"builtins\.eval"),
        (stream(b"ccollections\nnamedtuple\n", CALL).getvalue(), r"collections\.namedtuple"),
        (stream(b"ccollections\nabc.sys.modules\n").getvalue(), r"collections\.abc\.sys"),
        (stream(b"cnumpy\ndtype.__init__\n").getvalue(), r"numpy\.dtype\.__init__"),
        (stream(b"cnumpy.testing\nruntests\n").getvalue(), r"numpy\.testing\.runtests"),
        (stream(b"cnumpy\nload\n", CALL).getvalue(), r"numpy\.load"),
        (stream(b"ccollections\nOrderedDict\n", CALL).getvalue(), "their.pickle"),
        (stream(b"c_codecs\nencode\n", CALL).getvalue(), r"_codecs\.encode"),
        (stream(b"cnumpy\nndarray\n", CALL).getvalue(), r"calls numpy\.ndarray"),
        (stream(b"cnumpy\ndtype\n", CALL).getvalue(), "touch pwned"),
        (stream(b"cnumpy.core.multiarray\nscalar\n", CALL).getvalue(), "their.pickle"),
        (b"", "EOF|Ran out of input"),
        (b"no pickle at all", "their.pickle"),
        (pickle.dumps({"a": 1})[:-3], "their.pickle"),
    ],
)
def test_a_pickle_that_asks_for_more_is_refused(pickled, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NaswotError, match=refused) as caught:
        load(io.BytesIO(pickled), EVERYTHING, "their.pickle")
    assert "their.pickle" in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_pickle_cannot_lie_about_the_size_of_an_array():
    function, arguments, state = np.zeros(3).__reduce__()

    class Lying:
        def __reduce__(self):
            return function, arguments, (state[0], (10**12,), *state[2:])

    with pytest.raises(NaswotError, match="too few or too many values"):
        reloaded(Lying())


def test_a_pickle_cannot_change_what_it_is_given():
    # GLOBAL, then BUILD with a state that would set attributes of what GLOBAL gave
    altering = b"ccollections\nOrderedDict\n}X\x04\x00\x00\x00evilK\x01sb"
    with pytest.raises(NaswotError, match="tries to change an imported object"):
        load(stream(altering), ORDERED_DICT, "their.pickle")


def test_bytes_and_sets_of_protocol_2_are_read():
    content = [np.float64(0.1), {3}]
    assert reloaded(content, 2, NUMPY_SCALARS | PROTOCOL_2) == [0.1, [3]]
    with pytest.raises(NaswotError, match="it encodes text"):
        reloaded(b"x" * 17, 2, PROTOCOL_2)


def test_only_what_a_caller_allows_is_read():
    with pytest.raises(NaswotError, match=r"numpy\.dtype|scalar"):
        reloaded(np.float64(1), allowed=ORDERED_DICT)
    assert reloaded([1], allowed=frozenset()) == [1]


def test_a_decompression_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.pbz2"
    path.write_bytes(bz2.compress(bytes(10**7)))
    assert len(decompressed(path).getvalue()) == 10**7
    with pytest.raises(NaswotError, match=r"bomb\.pbz2 decompresses to more than 1,000,000 bytes"):
        decompressed(path, maximum=10**6)


@pytest.fixture(scope="module")
def nats(mirror) -> dict[str, pd.DataFrame]:
    folder = mirror / "official_format" / "nats_bench" / "fake_torch_dir"
    return {kind: nats_bench.read(folder / name, kind) for kind, name in FOLDERS.items()}


@pytest.fixture
def sizes(mirror, tmp_path):
    """Return a folder of NATS-Bench's sizes that a test may spoil."""
    folder = mirror / "official_format" / "nats_bench" / "fake_torch_dir" / FOLDERS["sss"]
    copy = tmp_path / FOLDERS["sss"]
    copy.mkdir()
    for path in folder.iterdir():
        shutil.copyfile(path, copy / path.name)
    return copy


def test_topologies_are_those_of_the_reference_table(nats, mirror):
    table = check(nats["tss"], SPACES["nasbench201"], "nats")
    reference = pd.read_parquet(mirror / "nasbench201.parquet")
    assert list(table["arch"]) == list(reference["arch"])
    seconds = reference.filter(regex="/(train-seconds-per-epoch|eval-seconds)$").columns
    assert len(seconds)
    for name in ("params", *accuracy_keys(reference), *seconds):
        np.testing.assert_allclose(
            table.loc[SAMPLES, name].to_numpy(float), reference.loc[SAMPLES, name], rtol=1e-8
        )


def test_sizes_are_those_of_the_reference_table(nats, mirror):
    table = nats["sss"]
    reference = pd.read_parquet(mirror / "natsbench_sss.parquet")
    assert list(table["arch"]) == list(reference["channels"])
    for name in ("params", "cifar10/ori-test/90", "cifar100/x-test/90", "ImageNet16-120/x-test/90"):
        np.testing.assert_allclose(
            table.loc[SAMPLES, name].to_numpy(float), reference.loc[SAMPLES, name], rtol=1e-8
        )
    assert {key.split("/")[-1] for key in accuracy_keys(table)} == {"1", "12", "90"}


def test_accuracies_are_means_over_seeds_and_ends_of_curves(nats):
    for kind, seeds in (("tss", {"12": 2, "200": 3}), ("sss", {"1": 1, "12": 3, "90": 1})):
        table = nats[kind]
        for key in accuracy_keys(table):
            means = table.loc[SAMPLES, f"{key}/per-seed"].map(np.mean).astype(float)
            np.testing.assert_allclose(means, table.loc[SAMPLES, key])
            if f"{key}/per-epoch" in table:
                curves = table.loc[SAMPLES, f"{key}/per-epoch"]
                assert set(curves.map(len)) == {int(key.split("/")[-1])}
                np.testing.assert_allclose(curves.map(lambda c: c[-1]), table.loc[SAMPLES, key])
        for epochs, count in seeds.items():
            assert len(table.loc[0, f"cifar10-valid/x-valid/{epochs}/per-seed"]) == count


def test_architectures_without_a_file_are_empty_and_counted(nats, mirror, caplog):
    for table in nats.values():
        assert table[accuracy_keys(table)].drop(SAMPLES).isna().all(axis=None)
        assert table[accuracy_keys(table)].loc[SAMPLES].notna().all(axis=None)
    assert "15,625 architectures" in describe(nats["tss"])
    folder = mirror / "official_format" / "nats_bench" / "fake_torch_dir" / FOLDERS["tss"]
    with caplog.at_level("INFO", logger="naswot"):
        nats_bench.read(folder, "tss")
    assert "results of 3 of the 15,625 architectures" in caplog.text


def test_the_cost_of_twelve_epochs_is_the_official_one(nats):
    seconds = nats["tss"].loc[SAMPLES, "cifar10-valid/train-seconds-per-epoch"]
    passes = nats["tss"].loc[SAMPLES, "cifar10-valid/eval-seconds"]
    assert (12 * seconds + passes).round(3).tolist() == [89.202, 153.696, 60.899]


def spoil(path, change):
    entry = pickle.loads(bz2.decompress(path.read_bytes()))
    path.write_bytes(bz2.compress(pickle.dumps(change(entry) or entry)))


def records(entry, length="90"):
    return entry[length]["all_results"]["cifar10", 777]


@pytest.mark.filterwarnings("ignore:numpy.core is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: {"90": Malicious()}, r"posix\.system"),
        (lambda e: [1], "does not hold an architecture"),
        (lambda e: e["90"].pop("all_results") and None, "does not hold an architecture"),
        (lambda e: e["90"].update(arch_str="8:8:8:8:16"), "8:8:8:8:16.*meta"),
        (lambda e: records(e)["eval_acc1es"].pop("ori-test@89") and None, "ori-test@89"),
        (lambda e: records(e).update(eval_acc1es=None), "training records of architecture 11"),
        (lambda e: records(e).update(params="many"), "training records of architecture 11"),
        (lambda e: e["90"]["all_results"].update({("svhn", 1): records(e)}), "svhn"),
    ],
)
def test_a_file_that_is_not_the_benchmarks_is_named(sizes, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    spoil(sizes / "000011.pickle.pbz2", change)
    with pytest.raises(NaswotError, match=message) as caught:
        nats_bench.read(sizes, "sss")
    assert "000011.pickle.pbz2" in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_damaged_or_wrong_folder_is_explained(sizes, tmp_path):
    path = sizes / "000284.pickle.pbz2"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NaswotError, match=r"000284\.pickle\.pbz2 is not a complete bzip2 file"):
        nats_bench.read(sizes, "sss")
    with pytest.raises(NaswotError, match="lists 32,768 architectures; NATS-Bench tss has 15,625"):
        nats_bench.read(sizes, "tss")
    for file in sizes.glob("0*"):
        file.unlink()
    with pytest.raises(NaswotError, match=r"no architecture's file, such as 000000\.pickle\.pbz2"):
        nats_bench.read(sizes, "sss")
    with pytest.raises(NaswotError, match=r"meta\.pickle\.pbz2 does not exist"):
        nats_bench.read(tmp_path, "sss")
