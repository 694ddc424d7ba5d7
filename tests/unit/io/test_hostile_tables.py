"""JSON, CSV, Parquet, TFRecord files that claim too much, nest too deep or lie about numbers."""

import io
import json
import struct
from pathlib import Path

import hostile
import miniatures
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz import ALL
from fuzz.harness import attempt

from naswot.benchmarks.tfrecord import fields, masked_crc32c
from naswot.errors import shown

DEEP = b"[" * 200_000


@pytest.mark.parametrize("name", ["nds_cells", "nds_stages", "nasbench101"])
def test_json_that_nests_too_deep_is_named(name, tmp_path):
    assert ALL[name].file in hostile.complaint_of(name, DEEP, tmp_path)
    assert ALL[name].file in hostile.complaint_of(name, b'{"a":' * 200_000, tmp_path)


def test_json_of_millions_of_lists_is_not_read(tmp_path):
    content = b"[" + b"[]," * 10_000_001 + b"0]"
    assert "more than 10,000,000 lists" in hostile.complaint_of("nds_cells", content, tmp_path)


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "1" + "0" * 5000, "true", "[]"]
OF_NDS = ["test_ep_top1", "min_test_top1", "params", "flops", "rng_seed", "iter_time", "optim"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("key", [*OF_NDS, "width", "drop_prob"])
def test_no_number_of_nds_leads_to_another_error(key, number, tmp_path):
    text = miniatures.nds(miniatures.cells_net())
    before, after = text.split(f'"{key}": '.encode(), 1)
    ending = after.index(b"]" if key == "test_ep_top1" else b"}" if key == "optim" else b",")
    ending += key in ("test_ep_top1", "optim")
    content = before + f'"{key}": {number}'.encode() + after[ending:]
    error = attempt(ALL["nds_cells"], content, tmp_path)
    assert error is None or "DARTS.json" in str(error)


@pytest.mark.parametrize("content", [{"top": 5, "mid": []}, {"top": {"a": 1}, "mid": []}, [[]]])
def test_nds_parts_that_are_no_lists_are_named(content, tmp_path):
    assert "DARTS.json" in str(attempt(ALL["nds_cells"], json.dumps(content).encode(), tmp_path))


def test_a_record_of_nds_that_is_no_architecture_is_named_with_its_row(tmp_path):
    content = json.loads(miniatures.nds(miniatures.cells_net()))
    content["mid"][0]["net"]["genotype"]["normal"] = [["conv_9x9", 0], ["none", 1]]
    error = attempt(ALL["nds_cells"], json.dumps(content).encode(), tmp_path)
    assert "DARTS.json, row 1: " in str(error)
    assert "conv_9x9" in str(error)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**40])
def test_a_record_that_claims_to_be_huge_is_damaged(length, tmp_path):
    header = struct.pack("<Q", length)
    content = header + struct.pack("<I", masked_crc32c(header)) + b"data"
    told = hostile.complaint_of("tfrecord", content, tmp_path)
    assert "record at byte 0, the file ends within it" in told


@pytest.mark.parametrize(
    "values",
    [
        ["\ud800" * 32, 108, "0100", "input,output", ""],
        [None, 108, "0100", "input,output", ""],
        [5, 108, "0100", "input,output", ""],
        ["a", 1e400, "0100", "input,output", ""],
        ["a", 10**400, "0100", "input,output", ""],
    ],
)
def test_a_training_of_odd_values_is_named(values, tmp_path):
    values[-1] = json.loads(miniatures.nasbench101_record())[-1]
    error = attempt(ALL["nasbench101"], json.dumps(values).encode(), tmp_path)
    assert f"the record at byte {2 * (len(miniatures.nasbench101_record()) + 16)}" in str(error)


def test_a_number_of_protobuf_has_ten_bytes():
    with pytest.raises(ValueError, match="more than ten bytes"):
        list(fields(b"\x10" + b"\xff" * 10_000_000 + b"\x01"))
    assert list(fields(b"\x10" + b"\xff" * 9 + b"\x01")) == [(2, 2**64 - 1)]


@pytest.mark.parametrize("cell", [*NUMBERS, "9" * 400, '"\0"', "0x1F", "1_000", "−5", "5e-324"])
def test_no_cell_of_a_csv_file_leads_to_another_error(cell, tmp_path):
    text = f"arch,flowers/test/9,note\na,{cell},{cell}\nb,50.5,x\nc,50,9\n"
    error = attempt(ALL["csv"], text.encode(), tmp_path)
    assert error is None or "accuracies.csv" in str(error)


def test_whole_numbers_beyond_64_bits_are_carried_along_as_text(tmp_path):
    content = f"arch,flowers/test/9,note\na,50,{'9' * 30}\nb,51,{'8' * 30}\n".encode()
    assert attempt(ALL["csv"], content, tmp_path) is None
    kept = pq.read_table(tmp_path / "kept.parquet").to_pandas()
    assert list(kept["note"]) == ["9" * 30, "8" * 30]


def written(folder: Path, **columns) -> bytes:
    pq.write_table(pa.table(columns), folder / "some.parquet", store_schema=False)
    return (folder / "some.parquet").read_bytes()


def test_a_parquet_file_of_a_few_bytes_does_not_fill_the_memory(tmp_path):
    zeros = pa.array(np.zeros(20_000, np.int32))
    long = pa.DictionaryArray.from_arrays(zeros, pa.array(["x" * 1_000_000]))
    content = written(tmp_path, arch=long)
    assert len(content) < 100_000
    told = hostile.complaint_of("custom_parquet", content, tmp_path)
    assert "its texts would have more than 1,073,741,824 bytes" in told


def test_a_parquet_file_of_too_many_rows_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("naswot.io.parquet.MOST_VALUES", 100_000)
    content = written(tmp_path, arch=pa.array(np.zeros(100_001, np.int8)))
    assert "claims 100,001 rows" in str(attempt(ALL["custom_parquet"], content, tmp_path))


def odd_parquet(**changes: object) -> bytes:
    columns = {"index": [0, 1], "arch": ["a", "b"], "flowers/test/9": [50.0, 51.0]}
    return miniatures.parquet(columns | changes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (odd_parquet(arch=[["a"], ["b"]]), "'arch' does not hold a text in each row"),
        (odd_parquet(arch=[1, 2]), "'arch' does not hold a text in each row"),
        (odd_parquet(arch=["a", None]), "arch"),
        (odd_parquet(index=["x", "y"]), "'index'"),
        (odd_parquet(index=[0.0, float("nan")]), "'index'"),
        (odd_parquet(**{"flowers/test/9": [float("inf"), 1.0]}), "has inf in row 0"),
        (miniatures.parquet({"arch": ["a"]}, b"[1]"), "no accuracy column"),
    ],
)
def test_columns_of_another_kind_are_named(content, message, tmp_path):
    assert message in str(attempt(ALL["custom_parquet"], content, tmp_path))


@pytest.mark.parametrize("metadata", [b"[]", b"5", b"{", DEEP, b"\xff"])
def test_metadata_that_are_no_object_are_named(metadata, tmp_path):
    text = json.dumps(miniatures.genotype())
    columns = {"module_hash": ["a"], "num_vertices": [3], "adjacency": [65], "ops": ["2"]}
    columns |= {"params": [8], "genotype": [text], "cifar10/test/108": [90.0]}
    error = attempt(ALL["mirror_101"], miniatures.parquet(columns, metadata), tmp_path)
    assert "nasbench101.parquet is not a readable Parquet file" in str(error)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (b"{", "is not a readable Parquet file"),
        (b'{"columns": [5]}', "is not a readable Parquet file"),
        (b'{"index_columns": ["arch"], "column_indexes": [], "columns": []}', "accuracies.parquet"),
    ],
)
def test_what_pandas_left_in_a_file_cannot_mislead_it(about, message, tmp_path):
    table = pa.table({"arch": ["a"], "x/test/9": [50.0]}).replace_schema_metadata({"pandas": about})
    pq.write_table(table, tmp_path / "some.parquet")
    content = (tmp_path / "some.parquet").read_bytes()
    assert message in str(attempt(ALL["custom_parquet"], content, tmp_path))


def test_no_damaged_footer_ends_the_interpreter(tmp_path):
    whole = odd_parquet()
    damaged = []
    for place in range(len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"), len(whole) - 8):
        content = bytearray(whole)
        content[place] ^= 1
        try:
            pq.read_table(io.BytesIO(content))
        except (OSError, pa.ArrowException) as error:
            if "histogram" in str(error):
                damaged.append(bytes(content))
    assert damaged
    for content in damaged[:5]:
        assert "histogram" in hostile.complaint_of("custom_parquet", content, tmp_path)


def test_two_columns_of_one_name_are_named(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["arch", "arch"])
    pq.write_table(table, tmp_path / "some.parquet")
    content = (tmp_path / "some.parquet").read_bytes()
    error = attempt(ALL["custom_parquet"], content, tmp_path)
    assert "has two columns 'arch'; rename one" in str(error)


@pytest.mark.parametrize("genotype", ["{", "5", None, '{"normal":' * 2000])
def test_a_genotype_that_is_none_is_named_with_its_row(genotype, tmp_path):
    sound = json.dumps(miniatures.genotype())
    columns = {"index": [0, 1], "genotype": [sound, genotype], "params": [1, 2]}
    columns |= {"surrogate_val_accuracy": [90.0, 91.0]}
    error = attempt(ALL["mirror_301"], miniatures.parquet(columns), tmp_path)
    assert "nasbench301_darts_sample.parquet, row 1: " in str(error)


def test_messages_quote_anything_briefly():
    endless: list = []
    for _ in range(100):
        endless = [endless, endless]
    for value in (10**5000, "x" * 10**6, endless, {"a": endless}, [10**5000], object()):
        assert len(shown(value)) < 500
