"""Results that were damaged are named and set aside; all others stay where they are."""

import errno
import os

import pandas as pd
import pytest

from naswot import NaswotError
from naswot.io import parquet
from naswot.io.parquet import write_parquet
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


def test_a_plan_says_what_a_run_would_do(tmp_path):
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    (message,) = set_aside(tmp_path, rename=False)
    assert message.startswith(f"{tmp_path}/cut.parquet is damaged: a run makes it again")
    assert os.listdir(tmp_path) == ["cut.parquet"]


def test_what_cannot_be_read_is_no_damage(tmp_path, monkeypatch):
    """As when a file server hangs: nothing is known of what the file holds."""
    write_parquet(FRAME, tmp_path / "far.parquet", {})
    (tmp_path / "folder.parquet").mkdir()

    def refuse(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(parquet, "_digest", refuse)
    with pytest.raises(NaswotError, match=r"far\.parquet"):
        set_aside(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["far.parquet", "folder.parquet"]
