"""`naswot check`: what it finds on scores of one's own, good and bad."""

import sys

import pytest

from naswot.analysis import conformance
from naswot.cli.main import main
from naswot.scores.custom import family_named

CODE = """
import torch
from naswot.scores.custom import declare

@declare(needs=("images",), cost=0.5)
def spread(network, batch):
    with torch.no_grad():
        return network(batch.images).std(0).mean()

@declare(needs=(), cost=100)
def chance(network, batch):
    return torch.rand(()) + batch.labels.sum() + batch.images.sum() + next(calls)

def broken(network, batch):
    raise ValueError("it never works")

calls = iter(range(10**6))
"""


@pytest.fixture
def checked(tmp_path, monkeypatch, capsys):
    """Return a function that checks a score of `CODE` and returns exit code and printed lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(conformance, "CELLS", 5)
    (tmp_path / "own_scores.py").write_text(CODE)

    def check(name):
        code = main(["check", f"own_scores:{name}"])
        out, err = capsys.readouterr()
        return code, {line[6:].split("  ")[0]: line for line in out.splitlines()}, err

    yield check
    family_named.cache_clear()


def test_a_score_that_keeps_its_promises(checked):
    _, lines, _ = checked("spread")
    assert list(lines) == [
        "value", "determinism", "network", "batch of 2", "batch of 128", "float64", "labels",
        "images", "NaN", "sign", "size", "cost",
    ]  # fmt: skip
    for about in ("determinism", "batch of 2", "batch of 128", "float64", "labels", "images"):
        assert lines[about].startswith("ok "), lines[about]
    assert "a network of NaN gets none" in lines["NaN"]


def test_a_score_that_breaks_them(checked):
    code, lines, _ = checked("chance")
    assert code == 1
    for about in ("determinism", "labels", "images", "cost"):
        assert lines[about].startswith("LOOK"), lines[about]
    assert "looks at them; needs lacks 'labels'" in lines["labels"]


def test_a_score_without_any_value_is_explained(checked):
    code, _, err = checked("broken")
    assert code == 1
    assert "own_scores:broken gives a NAS-Bench-201 cell no score: it fails: ValueError" in err


def test_a_score_that_is_not_there_is_named(checked):
    code, _, err = checked("sprad")
    assert (code, "Did you mean spread" in err) == (1, True)
