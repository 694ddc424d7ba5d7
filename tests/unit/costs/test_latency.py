"""Latencies: what is run, how often, in which order, and where else they may come from.

No test asks how long a pass takes; networks that sleep tell slow from fast.
"""

import math
import sys
import time
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch
from own_networks import ResNet, ViTLike, raising
from torch import nn

from naswot.costs import latency as module
from naswot.costs.latency import How, Latency, measure_latency
from naswot.costs.sources import as_onnx, latency_source
from naswot.errors import NaswotError
from naswot.scores.inputs import as_images

SHAPE = (3, 8, 8)


class Watched(nn.Module):
    """Notes each pass in a list that its copies share."""

    def __init__(self, name, passes, seconds=0.0):
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.note = lambda *about: passes.append((name, *about))  # functions are not copied
        self.seconds = seconds

    def forward(self, x):
        inference, threads = torch.is_inference_mode_enabled(), torch.get_num_threads()
        self.note(tuple(x.shape), x.dtype, self.training, inference, threads)
        time.sleep(self.seconds)
        return self.linear(x)


def test_networks_take_turns_in_a_random_order():
    passes: list = []
    networks = {name: Watched(name, passes) for name in "abc"}
    found = measure_latency(networks, SHAPE, How(runs=12, seconds=60))
    assert list(found) == ["a", "b", "c"]
    assert all(one.runs == 12 and 0 < one.median_ms <= one.p95_ms for one in found.values())
    names = [about[0] for about in passes]
    # Two passes to warm up, and three turns of one pass that is not timed and four that are.
    assert names[:6] == [name for name in names[0:6:2] for _ in range(2)]
    turns = ["".join(names[start : start + 5]) for start in range(6, len(names), 5)]
    rounds = [turns[start : start + 3] for start in range(0, len(turns), 3)]
    assert [sorted(one) for one in rounds] == [["aaaaa", "bbbbb", "ccccc"]] * 3
    assert len(set(map(tuple, rounds))) > 1


def test_how_is_what_a_network_sees():
    before = torch.get_num_threads()
    passes: list = []
    network = Watched("a", passes)
    how = How(threads=before + 1, batch=5, dtype="float64", runs=1)
    measure_latency({"a": network}, SHAPE, how)
    assert {about[1:] for about in passes} == {
        ((5, *SHAPE), torch.float64, False, True, before + 1)
    }
    assert torch.get_num_threads() == before
    assert network.training
    assert network.linear.weight.dtype == torch.float32
    text = how.text("PyTorch")
    assert all(part in text for part in ("5 images", "float64", f"{before + 1} threads", "PyTorch"))


def test_slow_networks_are_run_three_times_and_are_slower():
    passes: list = []
    networks = {"slow": Watched("slow", passes, 0.02), "fast": Watched("fast", passes)}
    found = measure_latency(networks, SHAPE, How(seconds=0.01))
    assert found["slow"].runs == 3
    assert found["slow"].median_ms >= 20
    assert [about[0] for about in passes].count("slow") == 4  # the first warms up


def test_a_failure_is_noted_and_the_others_are_measured(monkeypatch):
    monkeypatch.setattr(module, "GROUP", 2)  # so that there are several groups
    networks = {
        "raising": raising, "one": ResNet, "wrong": nn.Conv2d(1, 2, 3), "number": lambda: 5,
        "two": ResNet(),
    }  # fmt: skip
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    found = measure_latency(networks, (3, 32, 32), How(runs=1))
    assert list(found) == list(networks)
    assert all(isinstance(found[name], Latency) for name in ("one", "two"))
    assert "no weights for this network" in str(found["raising"])
    assert str(found["wrong"]).startswith("fails on images of 3×32×32: RuntimeError: ")
    assert str(found["number"]) == "cannot be built: there is a int, no Module."
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_networks_of_other_inputs():
    class Two(nn.Module):
        def forward(self, x, times):
            return x * times

    inputs = {"x": torch.ones(3, 4), "times": torch.ones(3, 1)}
    found = measure_latency({"two": Two(), "built": Two}, as_images(inputs), How(runs=1, batch=8))
    assert all(isinstance(one, Latency) for one in found.values())


@pytest.mark.parametrize(
    "values", [{"threads": 0}, {"batch": -1}, {"seconds": math.nan}, {"dtype": "int8"}]
)
def test_ways_to_measure_that_are_none(values):
    with pytest.raises(NaswotError, match=next(iter(values))):
        How(**values)


# ONNX Runtime


def test_onnxruntime_runs_the_same_network():
    onnxruntime = pytest.importorskip("onnxruntime")
    network = ViTLike().eval()
    image = torch.randn(2, 3, 32, 32)
    session = onnxruntime.InferenceSession(as_onnx(network, image))
    (output,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    np.testing.assert_allclose(output, network(image).detach(), atol=1e-5)
    source = latency_source("onnxruntime", How(runs=3))
    assert f"ONNX Runtime {onnxruntime.__version__}" in source.text
    found = source.measure({"vit": ViTLike, "wrong": nn.Conv2d(1, 2, 3)}, (3, 32, 32))
    assert found["vit"].runs == 3
    assert str(found["wrong"]).startswith("fails on images")


@pytest.mark.parametrize(
    ("how", "said"), [(How("cuda"), "on the CPU"), (How(dtype="bfloat16"), "bfloat16")]
)
def test_what_onnxruntime_cannot(how, said):
    pytest.importorskip("onnxruntime")
    with pytest.raises(NaswotError, match=said):
        latency_source("onnxruntime", how)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(NaswotError, match=r"pip install 'naswot\[search\]'"):
        latency_source("onnxruntime")


# A user's function


@pytest.fixture
def device(monkeypatch):
    """Return a module `device`, for functions to name."""
    made = ModuleType("device")
    monkeypatch.setitem(sys.modules, "device", made)
    return made


def test_a_function_gets_the_network_and_the_shape(device):
    device.latency = lambda network, shape: network.in_features * shape[0]
    source = latency_source("device:latency")
    found = source.measure({"given": nn.Linear(8, 1), "built": lambda: nn.Linear(5, 1)}, SHAPE)
    assert {name: one.median_ms for name, one in found.items()} == {"given": 24, "built": 15}
    assert (found["built"].runs, math.isnan(found["built"].p95_ms)) == (0, True)
    assert source.text == "ms by device:latency"


def test_a_function_that_fails_or_returns_no_number_is_noted(device):
    answers = {
        "nothing": None, "text": "fast", "nan": math.nan, "negative": -1, "fine": torch.tensor(2),
    }  # fmt: skip

    def latency(network, shape):
        return answers[network.name]

    device.latency = latency
    networks = {}
    for name in (*answers, "raises"):
        networks[name] = nn.Identity()
        networks[name].name = name
    found = latency_source("device:latency").measure(networks, SHAPE)
    assert found.pop("fine").median_ms == 2
    assert str(found.pop("raises")) == "device:latency fails: KeyError: 'raises'."
    assert str(found["text"]) == "device:latency returns 'fast' instead of milliseconds."
    assert all(isinstance(one, NaswotError) for one in found.values())


@pytest.mark.parametrize("text", ["magic", "", "no_such_module:latency", "device:absent"])
def test_sources_that_do_not_exist(device, text):
    with pytest.raises(NaswotError):
        latency_source(text)


# Tables


def test_tables_give_the_latencies_of_their_networks(tmp_path):
    frame = pd.DataFrame({"arch": ["a|b", "c"], "ms": [1.5, 2.0], "phone": [7, 9]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.rename(columns={"arch": "network"}).to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        for column, value in ((":phone", 7), (":ms", 1.5), ("", 1.5)):
            source = latency_source(f"{tmp_path / name}{column}")
            found = source.measure({"a|b": ResNet, "d": ResNet}, SHAPE)
            assert found["a|b"].median_ms == value
            assert str(found["d"]) == f"{tmp_path / name} has no latency of d."
            assert name in source.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arch,ms\na,1\na,2\n", "row 2: a occurs twice"),
        ("arch,ms\na,1\nb,nan\n", "row 2: ms of b is 'nan'"),
        ("arch,ms\na,-1\n", "row 1: ms of a is '-1'"),
        ("arch,ms\na,fast\n", "row 1: ms of a is 'fast'"),
        ("arch,ms\na\n", "row 1: ms of a is None"),
        ("arch,ms\n,1\n", "row 1: arch is '', not a text"),
        ("name,ms\na,1\n", "no column arch or network; it has name, ms"),
        ("arch,seconds\na,1\n", "no column 'ms' of milliseconds; it has arch, seconds. Name one"),
        ("", "no column arch or network"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(NaswotError) as caught:
        latency_source(str(tmp_path / "t.csv"))
    assert said in str(caught.value)
    assert "t.csv" in str(caught.value)


def test_a_network_with_and_without_a_latency_is_refused(tmp_path):
    pd.DataFrame({"arch": ["a", "a"], "ms": [None, 3.0]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(NaswotError, match="row 2: a occurs twice"):
        latency_source(str(tmp_path / "t.parquet"))


def test_files_that_are_no_tables(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"arch,ms\n\xff,1\n")
    (tmp_path / "t.parquet").write_bytes(b"arch,ms\n")
    for name in ("t.csv", "t.parquet", "absent.csv"):
        with pytest.raises(NaswotError, match=name):
            latency_source(str(tmp_path / name))
