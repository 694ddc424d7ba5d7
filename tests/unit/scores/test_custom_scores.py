"""A user's own score goes where a built-in one goes, and its mistakes leave a gap and a note."""

import contextlib
import functools
import math
import sys
import time

import pandas as pd
import pytest
import torch
from torch import nn

from naswot import NaswotError, rank
from naswot.runtime.progress import Progress
from naswot.scores.base import Batch, Options
from naswot.scores.custom import (
    declare,
    family_from,
    family_named,
    family_of,
    installed,
    needs_of,
    source_files,
)
from naswot.stages.score import score_architectures

CODE = """
from naswot.scores.custom import declare

def width(network, batch):
    '''Number of outputs of the first layer.

    More text.
    '''
    return network[0].out_features

@declare(needs=("labels",), lower_is_better=True, cost=0.5, outputs=("low", "high"))
def ends(network, batch):
    return {"low": batch.images.min(), "high": batch.labels.max()}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Write `CODE` to a module in the current folder; return its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    (tmp_path / "scores_of_mine.py").write_text(CODE)
    yield "scores_of_mine"
    family_named.cache_clear()


def networks():
    return {f"width {width}": nn.Sequential(nn.Linear(6, width)) for width in (3, 5, 4)}


def ranked(*scores, **more):
    return rank(networks(), torch.arange(24.0).reshape(4, 6), list(scores), **more)


def test_a_function_ranks_networks(here):
    def outputs(network, batch):
        return network(batch.images).shape[1]

    for score, name in ((outputs, "outputs"), (f"{here}:width", f"{here}:width")):
        frame = ranked(score, "params")
        assert list(frame)[:3] == ["network", name, "params"]
        assert frame[name].tolist() == [5, 4, 3]
        assert (frame["note"] == "").all()


def test_a_function_may_have_several_outputs(here):
    frame = ranked(f"{here}:ends", labels=[0, 2, 1, 0])
    low, high = f"{here}:ends@low", f"{here}:ends@high"
    assert (frame[low] == 0).all()
    assert (frame[high] == 2).all()
    assert list(ranked(high))[1] == high
    family = family_of(low)
    assert (family.lower_is_better, family.relative_cost) == ((low, high), 0.5)
    assert needs_of(low) == ("labels",)
    with pytest.raises(NaswotError, match=r"no score .*@middle'; there are .*@low, .*@high"):
        ranked(f"{here}:ends@middle")


def test_a_summary_is_the_first_line_of_the_docstring(here):
    assert family_named(f"{here}:width").summaries == {
        f"{here}:width": "Number of outputs of the first layer."
    }


def test_an_installed_package_may_offer_scores(here, tmp_path):
    about = tmp_path / "mine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[naswot.scores]\nwidest = {here}:width\n")
    package = tmp_path / "pack"
    package.mkdir()
    for name, code in {
        "__init__": "import numpy",
        "scores": f"from . import first\nfrom .second import x\nimport pack.third\n{CODE}",
        "first": "", "second": "x = 1", "third": "", "fourth": "",
    }.items():  # fmt: skip
        (package / f"{name}.py").write_text(code)
    (tmp_path / "beside.py").write_text("")
    (tmp_path / f"{here}.py").write_text(f"import beside\nfrom pack.scores import width\n{CODE}")
    installed.cache_clear()
    try:
        assert ranked("widest")["widest"].tolist() == [5, 4, 3]
        names = (
            "beside",
            "pack/__init__",
            "pack/first",
            "pack/scores",
            "pack/second",
            "pack/third",
        )
        files = [str(tmp_path / f"{name}.py") for name in (*names, here)]
        assert source_files("widest") == source_files(f"{here}:width") == files
        assert source_files("pack.scores:width") == files[1:-1]
    finally:
        installed.cache_clear()


def test_a_declared_direction_is_followed():
    @declare(lower_is_better=True)
    def width(network, batch):
        return network[0].out_features

    assert ranked(width)["width"].tolist() == [3, 4, 5]


def raises(network, batch):
    raise ValueError("no\nsuch thing")


def exits(network, batch):
    raise SystemExit(3)


def says_why(network, batch):
    raise NaswotError("It is too small.")


@declare(time_limit_s=0.1)
def hangs(network, batch):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("function", "note"),
    [
        (raises, "it fails: ValueError: no such thing."),
        (exits, "it fails: SystemExit: 3."),
        (says_why, "It is too small."),
        (hangs, "it takes more than 0.1 s, its time limit"),
        (lambda network, batch: None, "it returns nothing instead of a number"),
        (lambda network, batch: "much", "it returns a str instead of a number"),
        (lambda network, batch: torch.ones(2), "it returns a Tensor instead of a number"),
        (lambda network, batch: {"a": 1}, "it returns a mapping; declare(outputs=…)"),
        (declare(outputs=("a",))(lambda network, batch: {"b": 1}), "instead of a mapping from a"),
    ],
)
def test_what_goes_wrong_leaves_a_gap_and_a_note(function, note):
    frame = ranked("params", function)
    assert frame["params"].notna().all()
    assert frame.iloc[:, 2].isna().all()
    assert all(note in text for text in frame["note"])


def test_a_score_that_always_fails_is_an_error():
    with pytest.raises(NaswotError, match=r"No requested score applies .*ValueError: no"):
        ranked(raises)


def hanging_on(*numbers):
    """Return a score that hangs on its calls with these numbers, and a list of its calls."""
    calls = []

    @declare(time_limit_s=0.05)
    def sometimes(network, batch):
        calls.append(network[0].out_features)
        while len(calls) in numbers:
            with contextlib.suppress(Exception):
                time.sleep(0.01)
        return 1

    return sometimes, calls


def several(count):
    return {f"width {width}": nn.Sequential(nn.Linear(6, width)) for width in range(1, count + 1)}


def test_a_score_that_hangs_on_three_networks_in_a_row_is_not_tried_again():
    function, calls = hanging_on(2, 3, 4)
    images = torch.ones(4, 6)
    for _ in range(2):  # the next ranking tries it again
        calls.clear()
        frame = rank(several(7), images, ["params", function])
        by_width = frame.sort_values("params")
        assert calls == [1, 2, 3, 4]  # once each
        assert by_width["sometimes"].notna().tolist() == [True] + 6 * [False]
        late = "sometimes: it takes more than 0.05 s, its time limit"
        given_up = "sometimes: not tried: it took more than 0.05 s on 3 networks in a row"
        assert by_width["note"].tolist() == ["", *3 * [late], *3 * [given_up]]
        assert frame["params"].notna().all()


def test_a_job_gives_up_a_score_that_hangs_and_the_next_job_tries_it():
    function, calls = hanging_on(1, 2, 3, 4)
    family = family_from(function, "sometimes")
    archs = pd.DataFrame({"index": range(5), "arch": ["1", "2", "3", "4", "5"]})
    batch = Batch(torch.ones(4, 6), torch.zeros(4, dtype=torch.int64), 2)

    def job():
        def build(arch, _):
            return nn.Sequential(nn.Linear(6, int(arch)))

        return score_architectures(
            archs, build, batch, family, 0, Progress("", 5, ""), Options(), custom=True
        )

    with pytest.raises(NaswotError, match=r"5 of 5 networks failed; .*more than 0\.05 s, its time"):
        job()
    assert calls == [1, 2, 3]
    notes = job()["note"]
    assert calls == [1, 2, 3, 1, 2, 2, 3, 4, 5]  # the first that is scored is scored twice
    assert notes.tolist() == ["it takes more than 0.05 s, its time limit", "", "", "", ""]


def test_a_score_that_hangs_now_and_then_is_tried_each_time():
    function, calls = hanging_on(1, 2, 4, 5)
    frame = rank(several(6), torch.ones(4, 6), [function])
    assert calls == [1, 2, 3, 4, 5, 6]
    assert frame["sometimes"].notna().sum() == 2


def test_a_failing_score_does_not_have_the_others_computed_again():
    function, calls = hanging_on()

    def fails(network, batch):
        calls.append("fails")
        raise ValueError("no")

    frame = rank(several(2), torch.ones(4, 6), [function, fails, "params"])
    assert calls == [1, "fails", 2, "fails"]
    assert frame["fails"].isna().all()
    assert frame[["sometimes", "params"]].notna().all(axis=None)


def test_some_arguments_may_be_fixed():
    @declare(lower_is_better=True, outputs=("width",))
    def powered(network, batch, power):
        return {"width": network[0].out_features ** power}

    frame = ranked(functools.partial(powered, power=2))
    assert frame["powered@width"].tolist() == [9, 16, 25]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"needs": "labels"}, r"needs is a text; write a tuple: needs=\('labels',\)"),
        ({"outputs": "low"}, "outputs is a text"),
        ({"outputs": ("a", "a")}, "outputs are different names"),
        ({"outputs": ("a/b",)}, "outputs are different names"),
        ({"cost": 0}, "cost is 0; it has to be a number above 0"),
        ({"time_limit_s": math.inf}, "time_limit_s is inf"),
    ],
)
def test_declarations_are_checked(arguments, message):
    with pytest.raises(NaswotError, match=message):
        declare(**arguments)


def test_values_are_kept_as_they_are():
    values = iter([-math.inf, math.nan, torch.tensor(7)])
    frame = ranked(declare()(lambda network, batch: next(values)))
    assert frame.iloc[0, 1] == 7
    assert frame.iloc[1, 1] == -math.inf
    assert math.isnan(frame.iloc[2, 1])
    assert (frame["note"] == "").all()


def test_a_function_may_change_what_it_gets():
    def careless(network, batch):
        batch.images.zero_()
        batch.labels.zero_()
        with torch.no_grad():
            network[0].weight.zero_()
        return 1

    models, images = networks(), torch.ones(4, 6)
    together = rank(models, images, [careless, "jacob_cov"])
    alone = rank(models, images, ["jacob_cov"]).set_index("network")["jacob_cov"]
    assert together.set_index("network")["jacob_cov"].equals(alone[together["network"]])
    assert (images == 1).all()
    assert all(model[0].weight.any() for model in models.values())


def test_mistakes_are_named(here):
    with pytest.raises(NaswotError, match=r"A score cannot need 'luck'; it can need images"):
        declare(needs=("luck",))
    with pytest.raises(NaswotError, match=r"has no 'widht'\. Did you mean width"):
        ranked(f"{here}:widht")
    with pytest.raises(NaswotError, match="There is no module 'absent'"):
        ranked("absent:width")
    with pytest.raises(NaswotError, match=r"There is no score 'naswott'\. Did you mean naswot"):
        ranked("naswott")
    for name in ("raises", "params", "ensemble", "note", "seconds"):
        raises.__name__ = name
        taken = [raises, raises] if name == "raises" else [raises]
        with pytest.raises(NaswotError, match=f"The name '{name}' of a score function is taken"):
            ranked(*taken)
