"""Shards become one table, or a message says why not."""

import pandas as pd
import pytest

from naswot import NaswotError
from naswot.files import read_metadata, write_parquet
from naswot.joining import join_shards

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
            write_parquet(scored, tmp_path / f"{i}.parquet", metadata | {"first": str(i)})
        return (
            tmp_path / "order.parquet",
            [tmp_path / f"{i}.parquet" for i in range(len(shards))],
            tmp_path / "table.parquet",
            tmp_path / "joined.parquet",
        )

    return write


def test_what_shards_have_in_common_is_told_of_the_table(files):
    shard = {"precision": "bfloat16", "seed": "0"}
    paths = files(shard | {"seconds": "1"}, shard | {"seconds": "1"})
    join_shards(*paths, score="naswot", sample="all")
    about = read_metadata(paths[-1])
    assert about["precision"] == "bfloat16"
    assert "seconds" not in about


def test_shards_of_two_precisions_are_not_joined(files):
    paths = files({"precision": "float32"}, {"precision": "bfloat16"})
    with pytest.raises(NaswotError, match=r"precision bfloat16 and float32.*set precision"):
        join_shards(*paths, score="naswot", sample="all")
    assert not paths[-1].exists()
