"""Which architectures are looked at and which are scored."""

import pandas as pd
import pytest

from naswot.io.parquet import read_parquet, write_parquet
from naswot.spaces import SPACES
from naswot.spaces.sampling import (
    first_drawn,
    order_architectures,
    sample_of,
    scored_at_most,
    to_score,
)
from naswot.stages.sample import sample_architectures

SPACE = SPACES["nasbench201"]
CELLS = SPACE.architectures()


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "each"])
def deduplicate(request) -> bool:
    return request.param


@pytest.fixture(scope="module")
def order(deduplicate) -> pd.DataFrame:
    return order_architectures(SPACE, CELLS, deduplicate, seed=0)


def test_the_whole_space_shares_scores_among_isomorphs():
    order = order_architectures(SPACE, CELLS, deduplicate=True, seed=0)
    assert len(order) == SPACE.size
    assert len(to_score(order)) == SPACE.unique
    kinds = order["arch"].map(SPACE.canonical)
    assert order.groupby(kinds)["representative"].nunique().max() == 1
    assert (order["representative"] == order.groupby(kinds)["index"].transform("min")).all()


def test_every_architecture_for_itself_without_deduplication():
    order = order_architectures(SPACE, CELLS, deduplicate=False, seed=0)
    assert (order["representative"] == order["index"]).all()


def test_the_order_holds_each_architecture_once_and_depends_on_the_seed(order, deduplicate):
    assert sorted(order["index"]) == list(range(SPACE.size))
    assert list(order["arch"]) == [CELLS[index] for index in order["index"]]
    pd.testing.assert_frame_equal(order, order_architectures(SPACE, CELLS, deduplicate, seed=0))
    assert not order.equals(order_architectures(SPACE, CELLS, deduplicate, seed=1))


@pytest.mark.parametrize("sample", [10, 400, 9000])
def test_a_sample_needs_the_first_of_what_is_scored(order, deduplicate, sample):
    scored = to_score(order)
    assert list(scored["arch"]) == [CELLS[index] for index in scored["index"]]
    needed = set(first_drawn(order, sample, SPACE.name)["representative"])
    count = scored_at_most(SPACE, sample, deduplicate)
    assert set(scored["index"][: len(needed)]) == needed
    assert len(needed) <= count


def test_a_sample_may_differ_from_space_to_space():
    assert sample_of(5, "nasbench201") == 5
    assert sample_of({"nasbench201": "all", "nasbench101": 7}, "nasbench101") == 7
    assert sample_of({"nasbench201": "all"}, "nasbench101") is None


def test_a_space_that_cannot_list_itself_is_drawn_from_its_table(tmp_path, caplog):
    cells = [f"cell {number}" for number in range(30)]
    write_parquet(pd.DataFrame({"arch": cells}), tmp_path / "table.parquet", {})
    sample_architectures(
        tmp_path / "order.parquet",
        space=SPACES["nasbench101"],
        deduplicate=True,
        seed=0,
        benchmark=tmp_path / "table.parquet",
    )
    order = read_parquet(tmp_path / "order.parquet")
    assert list(order["arch"]) == [cells[index] for index in order["index"]]
    assert (order["representative"] == order["index"]).all()
    with caplog.at_level("WARNING", logger="naswot"):
        assert len(first_drawn(order, 30, "nasbench101")) == 30
        assert caplog.text == ""
        assert len(first_drawn(order, 31, "nasbench101")) == 30
    assert "nasbench101 has 30 architectures; all are taken." in caplog.text
