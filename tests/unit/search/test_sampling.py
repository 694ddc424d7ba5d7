"""Draws among the architectures that a limit allows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from naswot.search.sampling import draw


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.data())
def test_a_run_takes_the_first_allowed_of_its_shuffled_pool(allowed, data):
    allowed = np.array(allowed)
    size = data.draw(st.integers(0, int(allowed.sum())))
    seeds = np.array(data.draw(st.lists(st.integers(0, 99), max_size=4)), dtype=np.int64)
    found = draw(len(allowed), size, seeds, allowed)
    assert found.shape == (len(seeds), size)
    for row, seed in zip(found, seeds, strict=True):
        kept = []
        for position in np.random.default_rng(seed).permutation(len(allowed)):
            if allowed[position] and len(kept) < size:
                kept.append(position)
        assert row.tolist() == kept


def test_every_set_of_allowed_architectures_is_equally_likely():
    allowed = np.array([True, False, True, True, False, True])
    drawn = draw(len(allowed), 2, np.arange(6_000), allowed)
    _, counts = np.unique(np.sort(drawn, axis=1), axis=0, return_counts=True)
    assert len(counts) == 6
    assert np.abs(counts - 1_000).max() < 5 * np.sqrt(1_000)


def test_where_all_are_allowed_the_draws_are_those_without_a_limit():
    seeds = np.arange(9)
    allowed = np.ones(30, dtype=bool)
    assert (draw(30, 12, seeds, allowed) == draw(30, 12, seeds)).all()
