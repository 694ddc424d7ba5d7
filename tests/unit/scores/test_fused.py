"""The fused pass computes what PyTorch's own operations compute."""

import contextlib
import copy
import platform
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from architectures import MACRO, MICRO
from hypothesis import given, settings
from hypothesis import strategies as st
from threads import using
from torch import nn
from torch.nn import functional

import naswot
from naswot import NaswotError
from naswot.scores import codes
from naswot.scores.fused import sums, tensor
from naswot.scores.naswot import hamming_kernel, score
from naswot.spaces import SPACES
from naswot.spaces.nasbench201 import cells

loops = pytest.importorskip("naswot.scores.fused.loops", reason="the fused pass needs numba")
CELL101 = (
    '{"matrix":[[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]],'
    '"ops":["input","conv3x3-bn-relu","maxpool3x3","output"]}'
)
Two = namedtuple("Two", "one other")
exactly = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"),
    reason="the loops round as torch does on x86 processors; elsewhere last bits may differ",
)
SHAPES = st.tuples(st.integers(2, 5), st.integers(2, 40), st.integers(1, 9), st.integers(1, 9))


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    with using(request.param):
        yield


def random(shape, seed=0, dtype=torch.float32):
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return drawn.contiguous(memory_format=torch.channels_last)


def normalised(x, weight=None, bias=None):
    return tensor.batch_norm(x, None, None, weight, bias, training=True)


def reference(x, weight=None, bias=None):
    return functional.batch_norm(x, None, None, weight, bias, training=True)


@exactly
@pytest.mark.parametrize("shape", [(8, 16, 8, 8), (7, 24, 5, 7), (4, 42, 6, 6), (16, 3, 9, 9)])
def test_float32_is_normalised_to_the_last_bit(shape, threads):
    x = random(shape) * 3 + 1
    weight, bias = torch.randn(shape[1]), torch.randn(shape[1])
    found = tensor.compute(normalised(x, weight, bias))
    torch.testing.assert_close(found, reference(x, weight, bias), rtol=0, atol=0)


def test_bfloat16_is_normalised_within_its_precision(threads):
    x = random((16, 24, 8, 8), dtype=torch.bfloat16) * 3 + 1
    found = tensor.compute(normalised(x))
    torch.testing.assert_close(found.float(), reference(x.float()), rtol=2**-8, atol=2**-9)


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(1, 7))
def test_float32_sums_are_added_from_left_to_right(shape, terms):
    parts = [random(shape, seed) for seed in range(terms)]
    fused, plain = parts[0], parts[0]
    for part in parts[1:]:
        fused, plain = tensor.add(fused, part), plain + part
    assert torch.equal(tensor.compute(fused), plain)


def test_bfloat16_sums_are_rounded_once():
    parts = [random((4, 8, 6, 6), seed, torch.bfloat16) for seed in range(3)]
    fused = tensor.add(tensor.add(parts[0], parts[1]), parts[2])
    exact = parts[0].float() + parts[1].float() + parts[2].float()
    assert torch.equal(tensor.compute(fused), exact.bfloat16())


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.sampled_from([torch.float32, torch.bfloat16]), st.integers(1, 3))
def test_codes_overlap_where_inputs_are_positive_together(shape, dtype, terms):
    deferred = tensor.sum_of(random(shape, 0, dtype))
    value = random(shape, 0, dtype).double()
    for seed in range(1, terms):
        value += random(shape, seed, dtype).double()
        deferred = tensor.add(tensor.LazyTensor(deferred), random(shape, seed, dtype)).deferred
    output = deferred.relu()
    codes = (output > 0).flatten(1).double()
    torch.testing.assert_close(output.double(), value.clamp_min(0), rtol=2**-7, atol=0)
    assert torch.equal(deferred.active.double(), codes @ codes.t())


@settings(max_examples=60, deadline=None)
@given(
    SHAPES,
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.sampled_from([2, 3]),
    st.integers(1, 3),
    st.integers(0, 1),
)
def test_maxima_are_exact(shape, dtype, kernel, stride, padding):
    x = random(shape, dtype=dtype)
    x[0, 0, 0, 0], x[-1, -1, -1, -1] = torch.nan, -torch.inf
    found = tensor.max_pool(x, kernel, stride, padding)
    if min(shape[2:]) + 2 * padding < kernel:
        assert found is None
    else:
        expected = functional.max_pool2d(x, kernel, stride, padding)
        torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_a_product_with_zero_is_zero_only_of_finite_numbers():
    x = random((2, 8, 4, 4))
    assert tensor.times_zero(normalised(x)).deferred.checked_terms() == ()
    assert tensor.times_zero(normalised(x, weight=torch.full((8,), 3e38))) is None
    assert tensor.times_zero(normalised(x, weight=torch.full((8,), torch.nan))) is None
    x[0, 0, 0, 0] = torch.inf
    assert tensor.times_zero(x) is None
    assert tensor.times_zero(normalised(x)) is None


def test_more_threads_than_images_do_no_harm():
    def results():
        deferred = tensor.sum_of(random((2, 8, 6, 6)))
        return deferred.relu(), deferred.active, deferred.max_pool(3, 1, 1)

    alone = results()
    with using(8):
        assert all(map(torch.equal, results(), alone))


def test_relu_of_no_number_is_no_number():
    x = random((2, 8, 4, 4))
    x[1, 3] = torch.nan
    assert torch.equal(tensor.sum_of(x).relu().isnan(), x.isnan())


def test_two_tensors_of_one_value_can_be_changed_apart():
    one = normalised(random((2, 8, 4, 4)))
    other = tensor.add(one, tensor.times_zero(one))
    tensor.compute(one)
    expected = tensor.compute(other).clone()
    tensor.compute(one)[:, :1].mul_(2)
    assert torch.equal(tensor.compute(other), expected)


def test_running_statistics_are_kept_up():
    x, fused, plain = random((4, 6, 5, 5)) + 2, nn.BatchNorm2d(6), nn.BatchNorm2d(6)
    plain(x)
    tensor.batch_norm(x, fused.running_mean, fused.running_var, training=True)
    torch.testing.assert_close(fused.running_mean, plain.running_mean)
    torch.testing.assert_close(fused.running_var, plain.running_var)


def kernels(network, images, **options):
    """Return K_H by the fused pass and by PyTorch's own operations."""
    network.to(memory_format=torch.channels_last)
    found = [
        hamming_kernel(copy.deepcopy(network), images, fused=fused, **options)
        for fused in (True, False)
    ]
    assert found[0][1:] == found[1][1:]
    return found[0][0], found[1][0]


@exactly
@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.sampled_from(cells.OPERATIONS)] * 6),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["once", "as-published"]),
    st.integers(1, 2),
)
def test_kernels_of_any_cell_are_those_of_torchs_operations(operations, seed, count, threads):
    torch.manual_seed(seed)
    network = SPACES["nasbench201"].build(cells.to_string(operations), 1)
    with using(threads):
        fused, plain = kernels(network, torch.randn(6, 3, 16, 16), relu_count=count)
    assert torch.equal(fused, plain)


# Steps of random networks: each takes what is there and adds to it, or changes it in place.
STEPS = {
    "conv": lambda net, x, y: net.conv(x),
    "norm": lambda net, x, y: net.norm(x),
    "relu": lambda net, x, y: functional.relu(x),
    "relu module": lambda net, x, y: net.relu(x),
    "leaky": lambda net, x, y: functional.leaky_relu(x, 0.1),
    "relu6": lambda net, x, y: functional.relu6(x),
    "add": lambda net, x, y: x + y,
    "zero": lambda net, x, y: y + x * 0.0,
    "double": lambda net, x, y: 2 * x,
    "pool": lambda net, x, y: functional.max_pool2d(x, 3, 1, 1),
    "mean": lambda net, x, y: x + y.mean((2, 3), keepdim=True),
    "slices": lambda net, x, y: torch.cat([x[:, :3], y[:, 3:]], 1),
    "dead end": lambda net, x, y: functional.relu(x + 1).detach() * 0 + y,
    "relu_": lambda net, x, y: functional.relu_(x),
    "relu in place": lambda net, x, y: functional.relu(x, inplace=True),
    "leaky_": lambda net, x, y: functional.leaky_relu(x, 0.1, inplace=True),
    "add_": lambda net, x, y: x.add_(y),
    "+=": lambda net, x, y: x.__iadd__(1),
    "set": lambda net, x, y: x.__setitem__((slice(None), 0), 0.5),
    "view": lambda net, x, y: x[:, :1].mul_(2),
    "view, then add_": lambda net, x, y: (x[:, :1], x.add_(y))[0] + y,
    "view, then relu_": lambda net, x, y: (x.view(x.shape), functional.relu_(x))[0],
}


def unseen_mean(net, x, y):
    with torch.no_grad():
        x.mean()


def changed_unseen(net, x, y):
    with torch.no_grad():
        x.add_(y)


def counted(net, x, y):
    net.count.add_(1)
    return x + net.count


STEPS |= {
    "detached": lambda net, x, y: x.detach(),
    "mean without gradients": unseen_mean,
    "add_ without gradients": changed_unseen,
    "buffer": counted,
    "statistics": lambda net, x, y: x - net.norm.running_mean[:, None, None],
    "permuted": lambda net, x, y: x.permute(0, 1, 3, 2).permute(0, 1, 3, 2),
    "leaky_ upside down": lambda net, x, y: functional.leaky_relu_(x, -0.5),
}
ENDS = {
    "classifier": lambda net, x: net.last(net.relu(x).mean((2, 3))),
    "features": lambda net, x: net.relu(x) + net.norm(x),
    "dictionary": lambda net, x: {"out": [net.norm(net.relu(x))], "aux": x},
}


class Steps(nn.Module):
    def __init__(self, steps, end):
        super().__init__()
        self.conv, self.norm, self.relu = (
            nn.Conv2d(5, 5, 3, padding=1),
            nn.BatchNorm2d(5),
            nn.ReLU(),
        )
        self.first, self.last = nn.Conv2d(3, 5, 1), nn.Linear(5, 1)
        self.register_buffer("count", torch.zeros(()))
        self.steps, self.end = steps, end

    def forward(self, images):
        tensors = [self.norm(self.first(images)), self.first(images)]
        for name, i, j in self.steps:
            x, y = tensors[i % len(tensors)], tensors[j % len(tensors)]
            made = STEPS[name](self, x, y)
            if isinstance(made, torch.Tensor) and made.shape == x.shape:
                tensors.append(made)
        return ENDS[self.end](self, sum(tensors, start=tensors[0]))


@exactly
@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 9), st.integers(0, 9)), max_size=9
    ),
    st.sampled_from(sorted(ENDS)),
    st.sampled_from(["once", "as-published"]),
)
def test_any_network_has_the_kernel_of_torchs_operations(steps, end, count):
    torch.manual_seed(0)
    fused, plain = kernels(Steps(steps, end), random((4, 3, 6, 5)), relu_count=count)
    assert torch.equal(fused, plain)


class Residual(nn.Module):
    """What users' residual networks look like: additions and ReLUs in place."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.bn1, self.bn2, self.relu = nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.ReLU(inplace=True)
        self.stem, self.pool = nn.Conv2d(3, 8, 3), nn.MaxPool2d(3, 2, 1)

    def forward(self, images):
        x = self.pool(self.relu(self.bn1(self.stem(images))))
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out).mean((2, 3))


@pytest.mark.parametrize(
    ("space", "arch"),
    [
        ("nasbench201", cells.to_string(("nor_conv_3x3", "none", "skip_connect") * 2)),
        ("natsbench_sss", "8:24:16:8:40"),
        (
            "nasbench101",
            CELL101,
        ),
        ("transnas_micro", MICRO),
        ("transnas_macro", MACRO),
        (None, Residual),
    ],
    ids=["NAS-Bench-201", "NATS-Bench SSS", "NAS-Bench-101", "micro", "macro", "residual"],
)
def test_known_networks_are_scored_by_the_fused_pass_alone(space, arch, monkeypatch):
    monkeypatch.delattr(codes, "Recorder")
    monkeypatch.delattr(codes, "_read_data_flow")
    network = arch() if space is None else SPACES[space].build(arch, 1)
    hamming_kernel(network, torch.randn(4, 3, 16, 16))


@pytest.mark.parametrize(
    "forward",
    [
        lambda net, x: torch.vmap(lambda y: y + y)(net.relu(net.conv(x))),
        lambda net, x: torch.cat(Two(net.relu(net.norm(net.conv(x))), net.norm(net.conv(x)))),
        lambda net, x: net.relu(net.conv(x)).transpose(2, 3).reshape(len(x), -1),
        lambda net, x: nn.Parameter(net.norm(net.relu(net.conv(x)))) + net.relu(net.conv(x)),
    ],
    ids=["vmap", "named tuple", "transposed", "parameter"],
)
def test_unusual_networks_are_scored(forward):
    class Unusual(Steps):
        def forward(self, images):
            return forward(self, self.first(images))

    torch.manual_seed(0)
    fused, plain = kernels(Unusual((), "features"), random((4, 3, 6, 5)))
    assert torch.equal(fused, plain)


def test_a_network_that_can_never_be_viewed_fails_with_torchs_words():
    network = Steps((), "features")
    network.forward = lambda x: functional.relu(network.first(x)).transpose(2, 3).view(len(x), -1)
    with pytest.raises(NaswotError, match="view size is not compatible"):
        hamming_kernel(network, random((4, 3, 6, 5)))


def test_not_a_number_is_not_lost():
    network = SPACES["nasbench201"].build(cells.to_string(["none"] * 6), 1)
    images = torch.randn(4, 3, 8, 8)
    images[0, 0, 0, 0] = torch.nan
    assert hamming_kernel(network, images)[0].isnan().all()


@pytest.mark.slow
def test_bfloat16_ranks_cells_as_float32_does():
    from scipy.stats import spearmanr

    from naswot.images import mini_batch

    space = SPACES["nasbench201"]
    images = torch.from_numpy(mini_batch("photos", 32, 16, 0).images)
    scores = {"float32": [], "bfloat16": []}
    for index in np.random.default_rng(0).choice(space.size, 200, replace=False):
        for precision, values in scores.items():
            torch.manual_seed(0)
            network = space.build(space.architectures()[index], 1)
            values.append(score(network, images, precision=precision).value)
    assert spearmanr(scores["float32"], scores["bfloat16"]).statistic >= 0.999


@pytest.fixture
def logged(caplog, monkeypatch):
    """Return a function: networks → what scoring all of them logs, as (level, message)."""
    monkeypatch.setattr(codes, "_LOGGED", set())
    caplog.set_level("INFO", "naswot")

    def score_all(*networks):
        for network in networks:
            with contextlib.suppress(NaswotError):
                hamming_kernel(network, random((4, 3, 6, 5)))
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    return score_all


def function(forward):
    network = Steps((), "features")
    network.forward = lambda images: forward(network, network.first(images))
    return network


def changed(net, x):
    y = net.norm(x)
    x.mul_(2)
    return net.relu(net.norm(x) + y)


@pytest.mark.parametrize(
    ("forward", "level", "reason"),
    [
        (changed, "WARNING", "the network changes a tensor in place that others are computed"),
        (lambda net, x: net.relu(x).view(len(x), -1), "WARNING", "x.view needs contiguous tensors"),
        (lambda net, x: net.relu(x) + torch.maximum(x, 0 * x), "INFO", "there may be ReLUs"),
    ],
)
def test_a_network_that_is_scored_without_the_fused_pass_is_logged_once(
    forward, level, reason, logged
):
    ((found, message),) = logged(function(forward), function(forward), Residual())
    assert found == level
    assert message.startswith("Steps is scored without the fused pass: ")
    assert reason in message


def test_networks_that_cannot_be_scored_at_all_are_not_logged(logged):
    assert logged(function(lambda net, x: x), function(lambda net, x: net.absent)) == []


def test_that_numba_is_missing_is_logged_once(logged, monkeypatch):
    monkeypatch.setattr(codes, "FusedRecorder", None)
    ((level, message),) = logged(Residual(), Residual())
    assert level == "INFO"
    assert message.startswith("numba cannot be imported, so networks are scored without the fused")


def test_one_module_alone_chooses_the_fused_pass():
    choosing = [
        path.name
        for path in Path(naswot.__file__).parent.rglob("*.py")
        if path.parent.name != "fused"
        and re.search(r"^ *(from|import) naswot.scores.fused", path.read_text(), re.M)
    ]
    assert choosing == ["codes.py"]


def test_without_numba_torchs_operations_are_used():
    script = """
import sys
if sys.argv[1] == "without":
    sys.modules["numba"] = None
import torch
from naswot.scores import codes
from naswot.scores.naswot import score
from naswot.spaces import SPACES
assert (codes.FusedRecorder is None) == (sys.argv[1] == "without")
torch.manual_seed(0)
network = SPACES["nasbench201"].build(SPACES["nasbench201"].architectures()[1], 1)
print(repr(score(network, torch.randn(6, 3, 8, 8)).value))
"""
    scored = [
        subprocess.run(
            [sys.executable, "-c", script, numba], check=True, capture_output=True, text=True
        ).stdout
        for numba in ("with", "without")
    ]
    assert scored[0] == scored[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiled_loops_do_what_they_say(dtype):
    deferred = tensor.add(random((2, 3, 2, 3), 0, dtype), random((2, 3, 2, 3), 1, dtype)).deferred
    terms = sums.loop_arguments(deferred.checked_terms())
    compiled = deferred.compute()
    interpreted = torch.empty_like(compiled)
    loops._add_terms.py_func(terms[0], *terms[1], sums.rows_of(interpreted))
    assert torch.equal(interpreted, compiled)
