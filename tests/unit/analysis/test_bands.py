"""Kendall tau among networks that are alike: against counts of pairs, and what makes no band."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.analysis.bands import convolutions, fifths, tau_within

few = st.integers(0, 4)


def tau_by_pairs(x, y):
    """Return tau-b from its definition: pairs in one order, in the other, and ties."""
    pairs = list(itertools.combinations(zip(x, y, strict=True), 2))
    signs = [(np.sign(a[0] - b[0]), np.sign(a[1] - b[1])) for a, b in pairs]
    ordered = [sum(sign[side] != 0 for sign in signs) for side in (0, 1)]
    return sum(a * b for a, b in signs) / math.sqrt(ordered[0] * ordered[1])


@given(st.lists(st.tuples(few, few, st.integers(1, 3)), max_size=25))
def test_the_mean_is_weighted_by_pairs_of_a_group(networks):
    total = weight = 0.0
    for group in (1, 2, 3):
        x, y = [n[0] for n in networks if n[2] == group], [n[1] for n in networks if n[2] == group]
        if len(set(y)) < 2:
            continue  # no pair to order
        pairs = math.comb(len(x), 2)
        total += pairs * (tau_by_pairs(x, y) if len(set(x)) > 1 else 0)
        weight += pairs
    columns = np.array(networks, float).reshape(-1, 3).T
    expected = total / weight if weight else math.nan
    assert tau_within(*columns) == pytest.approx(expected, nan_ok=True)


def test_size_says_nothing_among_networks_of_equal_size():
    generator = np.random.default_rng(0)
    size = np.repeat(np.arange(5.0), 40)
    accuracy = size + 0.1 * generator.random(200)
    assert tau_within(size, accuracy, size) == 0
    assert tau_within(accuracy, accuracy, size) == pytest.approx(1)


def test_networks_without_a_group_are_left_out():
    groups = np.array([1, 1, np.nan, np.nan])
    assert tau_within(np.array([1.0, 2, 4, 3]), np.array([1.0, 2, 3, 4]), groups) == 1
    assert math.isnan(tau_within(np.arange(4.0), np.arange(4.0), np.full(4, np.nan)))
    assert math.isnan(tau_within(np.arange(4.0), np.arange(4.0), None))


def test_fifths_are_equally_large_and_keep_equal_values_together():
    assert (
        np.bincount(fifths(pd.Series(np.arange(50)[::-1]))[:50].astype(int))[1:].tolist()
        == [10] * 5
    )
    found = fifths(pd.Series([7.0, 7, 7, 7, 9, 9, np.nan]))
    assert len(set(found[:4])) == 1
    assert found[4] == found[5] == 5
    assert np.isnan(found[6])


def test_convolutions_are_counted_where_architectures_name_them():
    cell = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    none = cell.replace("nor_conv_3x3", "none").replace("nor_conv_1x1", "none")
    graph = '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "conv3x3-bn-relu", "output"]}'
    assert convolutions(pd.Series([cell, none, graph])).tolist() == [2, 0, 1]
    assert convolutions(pd.Series(["64:64:56:64:24", "8:8:8:8:8"])) is None
