"""Compiled functions are kept on disk, also by several processes at once."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("numba")

from numba import config

from naswot import rank
from naswot.runtime.numba_cache import compiled, is_cached
from naswot.scores import codes

ADD_UP = """
def add_up(numbers):
    total = 0.0
    for number in numbers:
        total += number
    return total
"""
ONES = {kind: np.ones(8, kind) for kind in ("float32", "int32", "float64")}


@pytest.fixture
def add_up(tmp_path):
    """Return a function that nobody has compiled, from a file of its own."""
    (tmp_path / "adding.py").write_text(ADD_UP)
    spec = importlib.util.spec_from_file_location("adding", tmp_path / "adding.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.add_up


def hits(function) -> int:
    """Return how many signatures of a compiled function were read from disk."""
    return sum(function.stats.cache_hits.values())


def test_what_one_process_compiles_the_next_one_reads(add_up):
    first = compiled(add_up)
    assert [first(numbers) for numbers in ONES.values()] == [8, 8, 8]
    assert hits(first) == 0
    then = compiled(add_up)
    assert [then(numbers) for numbers in ONES.values()] == [8, 8, 8]
    assert hits(then) == 3


def test_it_is_known_what_is_compiled(add_up):
    function = compiled(add_up)
    function(ONES["float32"])
    assert [is_cached(function, kind) for kind in ONES] == [True, False, False]


@pytest.mark.parametrize(
    "seconds", ["rank([net], images)['seconds'][0]", "score(net, images).seconds"]
)
def test_that_the_fused_pass_is_compiled_is_said_once_and_not_timed(tmp_path, seconds):
    code = (
        "import logging, torch\n"
        "from naswot import rank, score\n"
        "from torch import nn\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "def net(): return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())\n"
        "images = torch.rand(8, 3, 8, 8)\n"
        f"print({seconds})\n"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = []
    for _ in range(2):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        said.append("Compiling the fused pass for float32" in done.stderr)
        assert float(done.stdout) < 1
    assert said == [True, False]


def test_a_compiler_that_fails_is_logged_and_networks_are_scored(monkeypatch, caplog):
    def fail(*_):
        raise OSError("the cache cannot be read")

    monkeypatch.setattr(codes.first_use, "prepare", fail)
    monkeypatch.setattr(codes.operations, "draws_as_torch", fail)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    assert np.isfinite(rank([net], torch.rand(8, 3, 8, 8))["naswot"][0])
    assert not codes.runs_plans(torch.device("cpu"))
    assert caplog.text.count("the cache cannot be read") == 2


def test_the_fused_pass_gets_ready_in_inference_mode():
    codes.first_use.prepare.cache_clear()
    with torch.inference_mode():
        codes.first_use.prepare(torch.float32)


@pytest.mark.parametrize("step", ["_load_index", "_save_index", "_save_data"])
def test_signatures_that_are_kept_at_once_are_not_mixed_up(add_up, step):
    """Another process has seen that nothing is there, and writes just before a step of this one."""
    one, other = compiled(add_up), compiled(add_up)
    other._cache._cache_file._load_index = dict
    file = one._cache._cache_file
    go_on = getattr(file, step)

    def go_on_after_the_other(*arguments):
        other(ONES["int32"])
        return go_on(*arguments)

    setattr(file, step, go_on_after_the_other)
    one(ONES["float32"])
    later = compiled(add_up)
    assert [later(numbers) for numbers in ONES.values()] == [8, 8, 8]
    assert hits(later) >= 1


@pytest.mark.skipif(
    not hasattr(config, "CACHE_LOCATOR_CLASSES"),
    reason="this numba has no setting that leaves no place for its cache",
)
def test_what_cannot_be_kept_is_compiled_all_the_same(add_up, tmp_path):
    (tmp_path / "file").touch()
    script = "from naswot.runtime.numba_cache import compiled; from adding import add_up; "
    script += "function = compiled(add_up); print(function([1.0, 2.0]), function.stats.cache_path)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
            "NUMBA_CACHE_DIR": str(tmp_path / "file/none"),
            "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "3.0 None\n", done.stderr
