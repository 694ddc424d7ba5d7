"""Damage is found and mended, a table that took another's place is noticed."""

import os

import pytest

from naswot.io.parquet import read_metadata, read_parquet, write_parquet

pytestmark = pytest.mark.slow

SHARDS = "results/scores/nasbench201/photos/naswot/0"
JOINED = "results/joined/nasbench201/photos/naswot/0.parquet"


def test_damaged_shards_are_named_and_made_again(finished):
    before = (finished.path / JOINED).read_bytes()
    (finished.path / JOINED).unlink()
    flipped, cut = f"{SHARDS}/0001.parquet", f"{SHARDS}/0002.parquet"
    content = bytearray((finished.path / flipped).read_bytes())
    content[len(content) // 3] ^= 4
    (finished.path / flipped).write_bytes(content)
    os.truncate(finished.path / cut, 2000)
    run = finished.run(JOINED)
    assert run.code == 0, run.text
    for shard in (flipped, cut):
        (named,) = [line for line in run.text.splitlines() if line.startswith(f"{shard} is")]
        assert f"is damaged: set aside as .{shard[-12:]}.damaged" in named
    assert sorted(run.finished) == ["join_accuracies", "score_networks", "score_networks"]
    assert (finished.path / JOINED).read_bytes() == before


def test_a_table_that_takes_the_place_of_another_is_noticed_and_named(finished, tmp_path):
    mirror = tmp_path / "mirror"
    table = read_parquet(finished.path / "results/benchmarks/nasbench201.parquet")
    place = mirror / "nasbench201.parquet"
    digests = []
    for shift in (0.0, 0.5):
        key = "cifar10-valid/x-valid/200"
        write_parquet(table.assign(**{key: table[key] - shift}), place, {"source": "made for this"})
        os.utime(place, (1e9, 1e9))  # older than everything that was made of it
        run = finished.run(JOINED, "--config", f"mirror={mirror}")
        assert run.code == 0, run.text
        assert set(run.finished) == {"convert_benchmark", "join_accuracies"}
        about = read_metadata(finished.path / JOINED)
        assert about["source_file"] == "nasbench201.parquet"
        digests.append((about["source_sha256"], about["table"]))
    assert len({one for one, _ in digests}) == len({other for _, other in digests}) == 2
