"""Which architectures are looked at and which are scored."""

import pandas as pd
import pytest

from naswot.errors import NaswotError
from naswot.files import read_parquet, write_parquet
from naswot.sampling import (
    sample_architectures,
    scored_at_most,
    shard_of,
    to_score,
    write_sample,
)
from naswot.spaces import get_space

SPACE = get_space("nasbench201")
CELLS = SPACE.architectures()


def test_the_whole_space_shares_scores_among_isomorphs():
    sample = sample_architectures(SPACE, CELLS, "all", deduplicate=True, seed=0)
    assert len(sample) == SPACE.size
    assert len(to_score(sample)) == SPACE.unique
    kinds = sample["arch"].map(SPACE.canonical)
    assert sample.groupby(kinds)["representative"].nunique().max() == 1
    assert (sample["representative"] == sample.groupby(kinds)["index"].transform("min")).all()


def test_every_architecture_for_itself_without_deduplication():
    sample = sample_architectures(SPACE, CELLS, "all", deduplicate=False, seed=0)
    assert (sample["representative"] == sample["index"]).all()


@pytest.mark.parametrize("deduplicate", [True, False])
def test_a_sample_is_drawn_without_replacement_and_by_seed(deduplicate):
    sample = sample_architectures(SPACE, CELLS, 300, deduplicate, seed=1)
    assert sample["index"].is_monotonic_increasing
    assert sample["index"].nunique() == 300
    assert list(sample["arch"]) == [SPACE.architectures()[index] for index in sample["index"]]
    pd.testing.assert_frame_equal(
        sample, sample_architectures(SPACE, CELLS, 300, deduplicate, seed=1)
    )
    assert not sample.equals(sample_architectures(SPACE, CELLS, 300, deduplicate, seed=2))
    assert len(to_score(sample)) <= scored_at_most(SPACE, 300, deduplicate)


@pytest.mark.parametrize("shards", [1, 3, 17, 7000])
def test_shards_part_the_work_evenly(shards):
    work = to_score(sample_architectures(SPACE, CELLS, "all", deduplicate=True, seed=0))
    parts = [shard_of(work, shard, shards) for shard in range(shards)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    together = pd.concat(parts).sort_values("index", ignore_index=True)
    pd.testing.assert_frame_equal(together, work)


def test_a_larger_sample_contains_a_smaller_one():
    draws = [
        set(sample_architectures(SPACE, CELLS, size, False, seed=3)["index"])
        for size in (10, 50, 400)
    ]
    assert draws[0] < draws[1] < draws[2]


def test_a_space_that_cannot_list_itself_is_drawn_from_its_table(tmp_path):
    cells = [f"cell {number}" for number in range(30)]
    write_parquet(pd.DataFrame({"arch": cells}), tmp_path / "table.parquet", {})
    write_sample(
        tmp_path / "sample.parquet",
        space="nasbench101",
        sample=7,
        deduplicate=True,
        seed=0,
        benchmark=tmp_path / "table.parquet",
    )
    sample = read_parquet(tmp_path / "sample.parquet")
    assert list(sample["arch"]) == [cells[index] for index in sample["index"]]
    assert (sample["representative"] == sample["index"]).all()
    with pytest.raises(NaswotError, match="sample = 31 is not allowed; nasbench101 has 30"):
        sample_architectures(get_space("nasbench101"), cells, 31, False, 0)
