"""Rankings with costs, limits and the Pareto front."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from own_networks import ResNet, raising
from torch import nn

from naswot import NaswotError, rank
from naswot.costs.counting import count
from naswot.costs.latency import Latency
from naswot.costs.ranking import Asked, asked_of, ranked
from naswot.costs.sources import Source
from naswot.scores.ranking import Row


def plain(width):
    return nn.Sequential(
        nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(width, 10),
    )  # fmt: skip


def wide():
    return plain(12)


def narrow():
    return plain(4)


MS = Source("ms in a test", lambda networks, shape, progress: dict.fromkeys(networks, Latency(3.0)))


def test_costs_are_columns(noise):
    images = noise(8, 16)
    frame = rank([narrow, wide], images, costs=["latency", "memory", "flops", "params"])
    columns = ["network", "naswot", "flops", "memory", "latency", "seconds", "params", "note"]
    assert list(frame) == columns
    frame = frame.set_index("network")
    for make in (narrow, wide):
        expected, row = count(make(), (3, 16, 16)), frame.loc[make.__name__]
        assert (row["params"], row["flops"], row["memory"]) == (
            *(expected.params, expected.flops, expected.memory),
        )
    assert (frame["latency"] > 0).all()
    pd.testing.assert_series_equal(
        rank([narrow, wide], images).set_index("network")["naswot"], frame["naswot"]
    )


def test_networks_within_the_limits_come_first(noise):
    images = noise(8, 16)
    free = rank([narrow, wide, raising, ResNet], images)
    assert "broken" not in free
    params = dict(zip(free["network"], free["params"].astype(float), strict=True))
    limits = {"params": params["wide"], "latency": "4ms"}
    frame = rank([narrow, wide, raising, ResNet], images, limits=limits, latency=MS)
    assert frame["broken"].tolist() == ["", "", "params", "params unknown, latency unknown"]
    assert set(frame["network"][:2]) == {"narrow", "wide"}
    assert frame["naswot"][0] > frame["naswot"][1]
    assert frame["network"].tolist()[2:] == ["ResNet", "raising"]
    alone = rank([narrow], images, limits={"latency": 2}, latency=MS)
    assert alone["broken"].tolist() == ["latency"]


def row(name, value, **costs):
    return Row(name, {"naswot": value, **costs}, 0.1, int(costs.pop("params", 1)), "")


def test_the_front_is_within_the_limits_and_against_the_named_costs():
    rows = [
        row("best", 9.0, flops=50.0, params=9), row("good", 8.0, flops=20.0, params=9),
        row("dear", 7.0, flops=30.0, params=8), row("cheap", 1.0, flops=10.0, params=9),
        row("gap", math.nan, flops=1.0, params=1),
    ]  # fmt: skip

    def front(**asked):
        frame = ranked(rows, ["naswot"], asked_of(**asked))
        return set(frame["network"][frame["front"]])

    assert front(pareto="flops") == {"best", "good", "cheap"}
    assert front(pareto=True) == {"best", "dear"}  # against params
    assert front(pareto=["flops", "params"]) == {"best", "good", "dear", "cheap"}
    assert front(pareto=True, limits={"flops": 40}) == {"good", "cheap"}
    down = [row(one.network, 0.0, ntk_condition=one.values["naswot"], flops=2) for one in rows]
    frame = ranked(down, ["ntk_condition"], asked_of(pareto="flops"))
    assert frame["network"][frame["front"]].tolist() == ["cheap"]


def test_a_network_without_latency_has_a_gap_and_a_note(noise):
    def measure(networks, shape, progress):
        assert all(isinstance(make(), nn.Module) for make in networks.values())
        assert torch.is_tensor(shape)
        return {"narrow": NaswotError("narrow is too thin."), "wide": Latency(2.0)}

    source = Source("", measure)
    state = torch.get_rng_state()
    frame = rank([narrow, wide, raising], noise(8, 16), costs="latency", latency=source).set_index(
        "network"
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert frame["latency"]["wide"] == 2
    assert frame["latency"].isna().sum() == 2
    assert frame["note"]["narrow"] == "latency: is too thin."
    assert frame["note"]["wide"] == ""


def test_costs_do_not_stand_in_for_a_score(noise):
    linear = nn.Sequential(nn.Flatten(), nn.Linear(768, 10))
    with pytest.raises(NaswotError, match="No requested score applies"):
        rank([linear], noise(8, 16), costs="flops")
    assert np.isfinite(rank([linear], noise(8, 16), "flops", costs="memory")["memory"][0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"costs": "speed"}, "no cost 'speed'; there are params, flops, memory, latency"),
        ({"limits": {"params": "5MB"}}, "'5MB' is no amount of parameters"),
        ({"pareto": ["naswot"]}, "no cost 'naswot'"),
        ({"costs": "latency", "latency": "magic"}, "no source of latencies 'magic'"),
    ],
)
def test_requests_that_are_refused(noise, options, said):
    with pytest.raises(NaswotError, match=said):
        rank([narrow], noise(8, 16), **options)


def test_nothing_asked_changes_nothing():
    assert asked_of() == Asked()
    assert list(ranked([row("a", 1.0)], ["naswot"])) == [
        *("network", "naswot", "seconds", "params", "note"),
    ]


def test_the_examples_of_the_page_run(root):
    page = (root / "docs/reference/costs.md").read_text(encoding="utf-8")
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(code, names)
    ranking = names["ranking"].set_index("network")
    assert ranking["broken"]["width 8"] == ""
    assert ranking["broken"]["width 32"].startswith("params")
    assert ranking["front"].any()
    assert names["found"]["narrow"].runs > 0
    assert names["latency"](names["network"](8)(), (3, 32, 32)) == 314 / 10_000
