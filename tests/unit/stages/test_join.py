"""Shards become one table, or a message says why not."""

import pandas as pd
import pytest

from naswot import NaswotError
from naswot.io.parquet import digest_of, read_metadata, read_parquet, write_parquet
from naswot.stages.join import join_accuracies
from naswot.tables.seconds import read_seconds

ARCHS = ["a", "b"]


@pytest.fixture
def files(tmp_path):
    """Return a function that writes the inputs of a join, two shards with given metadata."""

    def write(*shards):
        order = pd.DataFrame({"index": [0, 1], "arch": ARCHS, "representative": [0, 1]})
        about = {"space": "nasbench201", "seed": "0", "deduplicate": "true"}
        write_parquet(order, tmp_path / "order.parquet", about)
        table = pd.DataFrame({"index": [0, 1], "arch": ARCHS, "cifar10/x-valid/200": [90.0, 80.0]})
        write_parquet(table, tmp_path / "table.parquet", {"source": "made up"})
        for i, metadata in enumerate(shards):
            scored = pd.DataFrame({"index": [i], "arch": [ARCHS[i]], "naswot": [1.5 * i]})
            scored = scored.assign(seconds=0.5 + i, build_seconds=0.1)
            write_parquet(scored, tmp_path / f"{i}.parquet", metadata | {"first": str(i)})
        return (
            tmp_path / "order.parquet",
            [tmp_path / f"{i}.parquet" for i in range(len(shards))],
            tmp_path / "table.parquet",
            tmp_path / "joined.parquet",
            tmp_path / "seconds.parquet",
        )

    return write


def test_what_shards_have_in_common_is_told_of_the_table(files):
    shard = {"precision": "bfloat16", "seed": "0"}
    paths = files(shard | {"seconds": "1"}, shard | {"seconds": "1"})
    join_accuracies(*paths, score="naswot", sample="all")
    about = read_metadata(paths[-2])
    assert about["precision"] == "bfloat16"
    assert "seconds" not in about
    assert about["table"] == digest_of(paths[2])


def test_what_was_measured_stands_apart_from_the_scores(files):
    paths = files({"peak_memory_mib": 410}, {"peak_memory_mib": 500})
    join_accuracies(*paths, score="naswot", sample="all")
    table = read_parquet(paths[-2])
    assert table["score"].tolist() == [0.0, 1.5]
    assert not {"seconds", "build_seconds"} & set(table)
    measured = read_seconds(paths[-1])
    assert measured["seconds"].to_dict() == {0: 0.5, 1: 1.5}
    assert read_metadata(paths[-1])["peak_memory_mib"] == 500
    assert "peak_memory_mib" not in read_metadata(paths[-2])


def test_shards_of_two_precisions_are_not_joined(files):
    paths = files({"precision": "float32"}, {"precision": "bfloat16"})
    with pytest.raises(NaswotError, match=r"precision bfloat16 and float32.*set precision"):
        join_accuracies(*paths, score="naswot", sample="all")
    assert not paths[-1].exists()
    assert not paths[-2].exists()


def test_a_shard_that_was_damaged_is_named_and_not_joined(files):
    paths = files({}, {})
    shard = paths[1][1]
    content = bytearray(shard.read_bytes())
    content[len(content) // 3] ^= 4
    shard.write_bytes(content)
    with pytest.raises(NaswotError, match=r"1\.parquet is not a readable Parquet file"):
        join_accuracies(*paths, score="naswot", sample="all")
    assert not paths[-2].exists()
