"""What `make sweep` says of networks: each outcome, on networks made by hand."""

import dataclasses
import functools
import math
import os
import time

import pytest
import sweep
import torch
from sweeping import comparing, zoo
from sweeping.comparing import Row, compare, difference
from sweeping.report import counts, markdown
from torch import nn

import naswot


def conv_net(activation=nn.ReLU):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), activation(), nn.Flatten(), nn.LazyLinear(1)
    )


def built(activation, size):
    network = conv_net(activation)
    network(torch.zeros(2, 3, size, size))
    return network


def row_of(activation=nn.ReLU, **options) -> Row:
    return compare("ours", "small", functools.partial(built, activation), [8], **options)


@pytest.fixture
def answer(monkeypatch):
    """Let `naswot.score` say something else than it does."""

    def set_to(**changes):
        right = naswot.score

        def other(*given):
            if "error" in changes:
                raise changes["error"]
            return dataclasses.replace(right(*given), **changes)

        monkeypatch.setattr(naswot, "score", other, raising=False)

    return set_to


def test_networks_that_agree_are_equal_to_the_last_bit():
    row = row_of()
    assert (row.outcome, row.error, difference(row)) == (comparing.EQUAL, "", 0)
    assert (row.relu_modules, row.relu_units, row.pixels) == (1, 4 * 6 * 6, 8)
    assert (row.oracle_relu_modules, row.oracle_relu_units) == (1, 4 * 6 * 6)


def test_a_network_without_relus_is_rightly_refused():
    assert row_of(nn.GELU).outcome == comparing.NO_RELU


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"relu_units": 143}, comparing.DIFFERS),
        ({"relu_modules": 2}, comparing.DIFFERS),
        ({"value": 0.0}, comparing.DIFFERS),
        ({"value": math.nan}, comparing.DIFFERS),
        ({"error": naswot.NaswotError("not this one")}, comparing.REFUSED),
        ({"error": ValueError("an oversight")}, comparing.FAULT),
    ],
)
def test_what_is_wrong_is_told(changes, outcome, answer):
    answer(**changes)
    row = row_of()
    assert row.outcome == outcome
    if "error" in changes:
        assert str(changes["error"]) in row.error


def test_a_note_explains_a_difference():
    row = Row("ours", "small", relu_units=3, oracle_relu_units=4, note="one ReLU is left out")
    assert comparing.outcome(row, None, None) == comparing.EXPLAINED
    row.oracle_relu_units, row.score, row.oracle_score = 3, 1.0, 1.0
    assert comparing.outcome(row, None, None) == comparing.EQUAL_WITH_NOTE


def test_networks_are_shown_the_smallest_images_that_they_take():
    def build(size):
        assert size > 8, "too small"
        return built(nn.ReLU, size)

    assert compare("ours", "small", build, [4, 8]).outcome == comparing.FAILS
    row = compare("ours", "small", build, [4, 8, 10, 12])
    assert (row.outcome, row.pixels, row.error) == (comparing.EQUAL, 10, "")


def test_large_networks_are_passed_over():
    assert row_of(most_parameters=10).outcome == comparing.LARGE


def test_what_only_the_oracle_cannot_do_is_told(monkeypatch):
    monkeypatch.setattr(comparing, "laid_out_as_ours", lambda *_: 1 / 0)
    assert row_of().outcome == comparing.ODD


def test_processes_that_die_or_hang_do_not_stop_the_sweep(monkeypatch):
    deeds = {"dies": lambda: os._exit(3), "hangs": lambda: time.sleep(600)}
    monkeypatch.setattr(zoo, "build", lambda package, name, size: deeds[name]())
    rows = list(sweep.sweep([("ours", "dies")], 60, math.inf, 0))
    rows += sweep.sweep([("ours", "hangs")], 1, math.inf, 0)
    assert [row.outcome for row in rows] == [comparing.DIED, comparing.LONG]


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = [
        Row("ours", "a, b", comparing.EQUAL, 3, 64, 1 / 3, 1 / 3, 1, 1, 2, 2, seconds=0.5),
        Row("ours", "c", comparing.DIFFERS, note='says "this"\nand that | more', score=2.0),
    ]
    sweep.write(rows[:1], tmp_path / "sweep.csv")
    sweep.append(rows[1], tmp_path / "sweep.csv")
    assert [str(row) for row in sweep.read(tmp_path / "sweep.csv")] == [str(row) for row in rows]
    assert sweep.read(tmp_path / "none.csv") == []
    assert "| equal | 1 |\n| differs | 1 |\n| in all | 2 |" in counts(rows)


def test_the_table_tells_of_what_is_not_plainly_equal(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda package: "1.0")
    exact = Row("timm", "exact", comparing.EQUAL, score=2.0, oracle_score=2.0)
    other = Row("timm", "other", comparing.EQUAL, score=2.0, oracle_score=2.000001)
    noted = Row("timm", "noted", comparing.EXPLAINED, note="one | two")
    text = markdown([exact, other, noted])
    assert "2 that are equal, 1 are to the last bit; the scores of other differ most" in text
    assert "| timm noted | differs as noted |" in text
    assert "one \\| two" in text
    assert "| timm exact" not in text


def test_of_a_family_the_smallest_of_each_kind_is_taken():
    family = ["resnet50", "resnet18", "resnet101", "wide_resnet50", "seresnet18", "seresnet_tiny"]
    assert zoo.smallest(family, 1) == ["resnet18", "seresnet_tiny", "wide_resnet50"]
    assert zoo.smallest(family, 2)[:2] == ["resnet18", "resnet50"]
