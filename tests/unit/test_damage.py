"""Results that were damaged are named and set aside; all others stay where they are."""

import os

import pandas as pd

from naswot.parquet import write_parquet
from naswot.workflow.damage import set_aside

FRAME = pd.DataFrame({"index": range(100)})


def test_only_damaged_tables_are_set_aside(tmp_path):
    shards = tmp_path / "results" / "scores"
    for name in ("whole", "flipped", "cut", "empty"):
        write_parquet(FRAME, shards / f"{name}.parquet", {"seed": 0})
    FRAME.to_parquet(shards / "foreign.parquet")
    content = bytearray((shards / "flipped.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (shards / "flipped.parquet").write_bytes(content)
    os.truncate(shards / "cut.parquet", 500)
    os.truncate(shards / "empty.parquet", 0)
    (shards / ".half.parquet.7.tmp").write_bytes(b"half")
    said = set_aside(tmp_path / "results")
    assert [message.partition(" is damaged")[0] for message in said] == [
        f"{shards}/{name}.parquet" for name in ("cut", "empty", "flipped")
    ]
    assert sorted(os.listdir(shards)) == [
        ".cut.parquet.damaged",
        ".empty.parquet.damaged",
        ".flipped.parquet.damaged",
        ".half.parquet.7.tmp",
        "foreign.parquet",
        "whole.parquet",
    ]
    assert set_aside(tmp_path / "results") == []
    assert set_aside(tmp_path / "nowhere") == []
