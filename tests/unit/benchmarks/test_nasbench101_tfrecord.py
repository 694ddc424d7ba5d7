"""NASBench-101's TFRecord files and the compact mirror of its results."""

import base64
import json

import bench_tfrecord as made_up
import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks import nasbench101
from naswot.benchmarks.convert import describe
from naswot.benchmarks.table import accuracy_keys
from naswot.benchmarks.tfrecord import fields, masked_crc32c, records
from naswot.errors import NaswotError
from naswot.io.parquet import read_parquet, write_parquet

SPLITS = {"train": "train_accuracy", "valid": "validation_accuracy", "test": "test_accuracy"}


@pytest.fixture(scope="module")
def official(mirror):
    return mirror / "official_format" / "nasbench101"


@pytest.fixture(scope="module")
def expected(official) -> list[dict]:
    return json.loads((official / "nasbench_mini_expected.json").read_text())["modules"]


@pytest.fixture(scope="module")
def table(official) -> pd.DataFrame:
    return nasbench101.read(official / "nasbench_full_mini.tfrecord")


def test_every_value_of_the_full_file_is_the_expected_one(table, expected):
    assert list(table["module_hash"]) == sorted(module["module_hash"] for module in expected)
    assert list(table["index"]) == list(range(20))
    table = table.set_index("module_hash")
    for module in expected:
        row = table.loc[module["module_hash"]]
        assert row["arch"] == json.dumps(
            {"matrix": module["module_adjacency"], "ops": module["module_operations"]},
            separators=(",", ":"),
        )
        assert row["params"] == module["trainable_parameters"]
        for epochs, repeats in module["epochs"].items():
            final = [repeat["evaluation_data"][2] for repeat in repeats]
            seconds = [training["training_time"] for training in final]
            assert row[f"train-seconds/{epochs}"] == pytest.approx(np.mean(seconds), rel=1e-14)
            for split, field in SPLITS.items():
                percent = [100 * training[field] for training in final]
                key = f"cifar10/{split}/{epochs}"
                np.testing.assert_allclose(row[f"{key}/per-seed"], percent, rtol=1e-15)
                assert row[key] == pytest.approx(np.mean(percent), rel=1e-14)


def test_the_smaller_file_is_the_full_one_at_108_epochs(table, official):
    smaller = nasbench101.read(official / "nasbench_only108_mini.tfrecord")
    assert list(smaller.columns) == [
        name
        for name in table.columns
        if "/" not in name or name.endswith(("/108", "/108/per-seed"))
    ]
    pd.testing.assert_frame_equal(smaller, table[smaller.columns])


def test_the_mirror_has_the_same_cells(table, mirror):
    whole = nasbench101.read_mirror(mirror / "nasbench101.parquet")
    assert len(whole) == 423_624
    assert whole["arch"].is_unique
    assert whole.loc[4789, "cifar10/test/108"] == pytest.approx(94.3176, abs=1e-4)
    assert set(whole.columns) < set(table.columns)
    same = whole[whole["module_hash"].isin(table["module_hash"])].reset_index(drop=True)
    for name in ("module_hash", "arch", "params"):
        assert list(same[name]) == list(table[name])
    np.testing.assert_allclose(same["cifar10/test/108"], table["cifar10/test/108"], rtol=1e-7)
    assert describe(whole).startswith("423,624 architectures; best: cifar10/test/108 94.32")
    small = json.loads(whole.loc[whole["arch"].str.len().idxmin(), "arch"])
    assert small == {"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}


def test_a_table_survives_a_file(table, tmp_path):
    write_parquet(table, tmp_path / "nasbench101.parquet", {})
    read = read_parquet(tmp_path / "nasbench101.parquet")
    assert accuracy_keys(read) == accuracy_keys(table)
    pd.testing.assert_frame_equal(read, table)


def test_made_up_cells_come_in_order_of_their_hash(tmp_path):
    made_up.write(tmp_path / "some.tfrecord", 240)
    table = nasbench101.read(tmp_path / "some.tfrecord")
    assert len(table) == 20
    assert table["module_hash"].is_monotonic_increasing
    assert (table["params"] == 5_356_682).all()
    cells = {module_hash: bits for module_hash, bits, _ in made_up.cells(20)}
    for row in table.itertuples():
        matrix = np.array(json.loads(row.arch)["matrix"])
        assert "".join(map(str, matrix.ravel())) == cells[row.module_hash]


def test_the_checksum_is_crc32c():
    # CRC-32C of these digits is E3069283; rotated right by 15 bits 2507C60D
    assert masked_crc32c(b"123456789") == 0x2507C60D + 0xA282EAD8


@pytest.fixture
def small(tmp_path):
    """Return a file of one cell: 12 records of equal length."""
    path = tmp_path / "small.tfrecord"
    made_up.write(path, 12)
    return path


def test_any_changed_byte_is_noticed(small):
    content = small.read_bytes()
    offsets = np.array([offset for offset, _ in records(small)])
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 0x10
        small.write_bytes(changed)
        with pytest.raises(NaswotError, match=r"small\.tfrecord is damaged") as caught:
            list(records(small))
        start = offsets[offsets <= position].max()
        assert f"record at byte {start:,}," in str(caught.value)


def test_any_missing_end_is_noticed(small):
    content = small.read_bytes()
    for end in range(0, len(content), 11):
        small.write_bytes(content[:end])
        with pytest.raises(NaswotError, match=r"small\.tfrecord (is damaged|has)"):
            nasbench101.read(small)
    small.write_bytes(content)
    *_, (last, _) = records(small)
    small.write_bytes(content[:last])
    with pytest.raises(NaswotError, match="has 2 trainings of 108 epochs of cell cfcd2084"):
        nasbench101.read(small)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NaswotError, match=r"none\.tfrecord does not exist"):
        nasbench101.read(tmp_path / "none.tfrecord")


BITS, OPERATIONS = "010001000", "input,maxpool3x3,output"
METRICS = made_up.metrics(8, np.full((3, 5), 0.5))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no JSON", "byte 0 .*Expecting value"),
        (b"[1, 2]", "not enough values"),
        (["a", 4, BITS, OPERATIONS, "!"], "byte 0"),
        (["a", 4, BITS, OPERATIONS, base64.b64encode(METRICS[:-3]).decode()], "ends within"),
        (["a", 4, BITS, OPERATIONS, ""], "lack parameters"),
        (["a", "four", BITS, OPERATIONS, METRICS], "byte 0"),
        (["a", 4, BITS[:-1], OPERATIONS, METRICS], "not of one size"),
        (["a", 4, "010001001", OPERATIONS, METRICS], "no adjacency matrix"),
        (["a", 4, "010002000", OPERATIONS, METRICS], "no adjacency matrix"),
        (["a", 4, "0" * 64, "input," + "maxpool3x3," * 6 + "output", METRICS], "no adjacency"),
        (["a", 4, BITS, "input,conv5x5,output", METRICS], "no operations of the space"),
        ([["a"], 4, BITS, OPERATIONS, METRICS], "is no hash"),
        (["a", 4, 5, OPERATIONS, METRICS], "byte 0"),
    ],
)
def test_a_record_of_another_form_is_named(tmp_path, content, message):
    if isinstance(content, list):
        values = [base64.b64encode(v).decode() if isinstance(v, bytes) else v for v in content]
        content = json.dumps(values).encode()
    (tmp_path / "odd.tfrecord").write_bytes(made_up.framed(content))
    with pytest.raises(NaswotError, match=message) as caught:
        nasbench101.read(tmp_path / "odd.tfrecord")
    assert "odd.tfrecord: the record at byte 0 is not" in str(caught.value)


def test_unknown_fields_of_a_message_are_passed_over():
    # field 16: a number of two bytes; field 7: four bytes; field 2: 300
    assert list(fields(b"\x80\x01\x96\x01\x3dabcd\x10\xac\x02")) == [
        (16, 150),
        (7, b"abcd"),
        (2, 300),
    ]
    for cut in (b"\x80", b"\x0a\x05abc", b"\x09\x00", b"\x0b"):
        with pytest.raises(ValueError, match="protobuf message"):
            list(fields(cut))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ops": ["9"]}, "not of NASBench-101"),
        ({"ops": ["01"]}, "does not have one operation for each vertex"),
        ({"num_vertices": [1]}, "no adjacency matrix"),
        ({"ops": None}, "no column 'ops'"),
    ],
)
def test_an_odd_mirror_is_refused(tmp_path, change, message):
    sound = {
        "module_hash": ["ab"],
        "num_vertices": [3],
        "adjacency": [0b1000001],
        "ops": ["2"],
        "params": [8],
        "cifar10/test/108": [90.0],
    }
    path = tmp_path / "nasbench101.parquet"
    write_parquet(pd.DataFrame(sound), path, {})
    arch = json.loads(nasbench101.read_mirror(path).loc[0, "arch"])
    assert arch == {"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": OPERATIONS.split(",")}
    odd = {name: values for name, values in (sound | change).items() if values is not None}
    write_parquet(pd.DataFrame(odd), path, {})
    with pytest.raises(NaswotError, match=message) as caught:
        nasbench101.read_mirror(path)
    assert "nasbench101.parquet" in str(caught.value)
