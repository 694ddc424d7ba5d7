"""Quantities with units, limits, and the Pareto front against its definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naswot.costs import COSTS
from naswot.costs.limits import Limits, pareto_front, parse_quantity
from naswot.errors import NaswotError


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("5M", "params", 5e6), ("600m", "flops", 6e8), ("1.5 G", "flops", 1.5e9),
        ("1e6", "params", 1e6), (300, "params", 300), ("8ms", "latency", 8),
        ("0.2s", "latency", 200), ("50us", "latency", 0.05),
        ("50 µs", "latency", 0.05), (8.5, "latency", 8.5),
        ("200MB", "memory", 2e8), ("1.5GiB", "memory", 1.5 * 2**30), ("64 kb", "memory", 64e3),
        ("1e3B", "memory", 1e3),
    ],
)  # fmt: skip
def test_quantities(text, kind, value):
    assert parse_quantity(text, kind) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("5MB", "params"), ("8ms", "memory"), ("8", "speed"), ("", "params"), ("M", "params"),
        ("-5M", "params"), ("0", "params"), ("nan", "params"), ("inf", "params"),
        ("5,5M", "params"), ("1e999", "flops"), ("5M x", "params"), (True, "params"),
        (None, "params"), (math.nan, "latency"), ("8 hours", "latency"),
    ],
)  # fmt: skip
def test_quantities_that_are_none(text, kind):
    with pytest.raises(NaswotError) as caught:
        parse_quantity(text, kind)
    if kind in COSTS:
        assert all(example in str(caught.value) for example in COSTS[kind].examples)


@given(st.floats(1, 1e8), st.sampled_from(sorted(COSTS)))
def test_what_readers_see_can_be_given_as_a_limit(value, kind):
    value *= 1e-3 if kind == "latency" else 1
    assert parse_quantity(COSTS[kind].short(value), kind) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("params", 4.9e6, "4.9 M"), ("params", 532, "532"), ("params", 999_900, "1 M"),
        ("flops", 123_456_789, "123 M"), ("latency", 8.2, "8.2 ms"), ("latency", 0.05, "50 us"),
        ("latency", 1234, "1.23 s"), ("memory", 12e6, "12 MB"), ("memory", math.nan, "–"),
        ("memory", 0, "0 B"),
    ],
)  # fmt: skip
def test_costs_in_short(kind, value, text):
    assert COSTS[kind].short(value) == text


def test_limits_say_which_are_broken():
    limits = Limits({"latency": "8ms", "params": "5M"})
    assert limits.kinds == ("params", "latency")
    assert limits.text == "params ≤ 5 M, latency ≤ 8 ms"
    assert limits.broken({"params": 5e6, "latency": 8.0, "flops": 1e12}) == ""
    assert limits.broken({"params": 5e6 + 1, "latency": 8.1}) == "params, latency"
    assert limits.broken({"params": 6e6, "latency": math.nan}) == "params, latency unknown"
    assert limits.broken({"params": None}) == "params unknown, latency unknown"
    assert not Limits()
    assert Limits().broken({}) == ""
    with pytest.raises(NaswotError, match="no cost 'size'; there are params"):
        Limits({"size": 1})


def front_by_definition(columns, maximised):
    rows = list(zip(*columns, strict=True))
    signs = [-1 if up else 1 for up in maximised]

    def beats(one, two):
        pairs = [(sign * x, sign * y) for sign, x, y in zip(signs, one, two, strict=True)]
        return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    known = [row for row in rows if not any(map(math.isnan, row))]
    return [row in known and not any(beats(other, row) for other in known) for row in rows]


# Few values, so that rows are often equal in some columns or in all.
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.5, -1.0, math.inf, -math.inf, math.nan])


@given(st.data(), st.integers(1, 5), st.integers(0, 30))
def test_the_front_is_what_no_row_beats(data, width, count):
    column = st.lists(NUMBERS, min_size=count, max_size=count)
    columns = data.draw(st.lists(column, min_size=width, max_size=width))
    maximised = data.draw(st.lists(st.booleans(), min_size=width, max_size=width))
    found = pareto_front(columns, maximised)
    assert found.dtype == bool
    assert found.tolist() == front_by_definition(columns, maximised)


@pytest.mark.parametrize("width", [2, 3, 4])
def test_fronts_of_many_rows(width):
    columns = np.random.default_rng(0).random((width, 2000)).round(2)
    maximised = [True] + [False] * (width - 1)
    assert pareto_front(columns, maximised).tolist() == front_by_definition(columns, maximised)


def test_a_front_of_all_rows():
    first, second = np.random.default_rng(0).random((2, 100_000))
    assert pareto_front([first, second, first + second], [False, False, True]).all()
