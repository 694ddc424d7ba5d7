"""Which ReLUs count: those that depend on the images and on which the output depends.

Networks here compute one function of the same weights in different ways, so all have the value that
the literal protocol gives the plain one.
"""

import copy
import dataclasses
import threading

import numpy as np
import oracle
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from naswot import NaswotError, rank, score
from naswot.scores.relu import NoReluError


def block(inputs, outputs, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def head(channels):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = block(3, 8), block(8, 16, 2), head(16)

    def forward(self, x):
        return self.head(self.b(self.a(x)))


class FrozenBackbone(Plain):
    def forward(self, x):
        with torch.no_grad():
            features = self.b(self.a(x))
        return self.head(features)


class Detached(Plain):
    def forward(self, x):
        return self.head(self.b(self.a(x)).detach())


class InferenceMode(Plain):
    def forward(self, x):
        with torch.inference_mode():
            features = self.b(self.a(x))
        return self.head(features.clone())


class Checkpointed(Plain):
    def forward(self, x):
        return self.head(checkpoint(self.b, self.a(x), use_reentrant=True))


@dataclasses.dataclass
class Output:
    logits: torch.Tensor


class DataclassOutput(Plain):
    def forward(self, x):
        return Output(super().forward(x))


class ObjectOutput(Plain):
    def forward(self, x):
        found = type("Found", (), {})()
        found.parts = {"logits": {super().forward(x)}}
        return found


class Labels(Plain):
    def forward(self, x):
        return super().forward(x).argmax(1)


class ThroughNumPy(Plain):
    def forward(self, x):
        return torch.from_numpy(super().forward(torch.from_numpy(x.numpy())).numpy())


class Binarised(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.relu(x)
        ctx.mark_non_differentiable(y)
        return y


class CustomFunction(Plain):
    def forward(self, x):
        a = Binarised.apply(self.a[:2](x))
        return self.head(Binarised.apply(self.b[:2](a)))


class OwnGradient(Plain):
    def forward(self, x):
        y = super().forward(x)
        (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return y + 0 * gradient.sum()


class InnerGradient(Plain):
    def forward(self, x):
        with torch.enable_grad():
            y = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad((y**2).sum(), y)
        return super().forward(x + 0 * gradient)


class InPlaceOnAView(Plain):
    def forward(self, x):
        a = self.a[:2](x)
        a[:, :4].relu_()
        a[:, 4:].relu_()
        return self.head(self.b(a))


class Scripted(Plain):
    def __init__(self):
        super().__init__()
        self.a = torch.jit.script(self.a)


class ScriptedAndFrozen(Scripted):
    def forward(self, x):
        with torch.no_grad():
            a = self.a(x)
        return self.head(self.b(a))


class Traced(Plain):
    def __init__(self):
        super().__init__()
        self.b = torch.jit.trace(self.b, torch.randn(16, 8, 32, 32))


class Exported(Plain):
    def __init__(self):
        super().__init__()
        self.b = torch.export.export(self.b, (torch.randn(16, 8, 32, 32),)).module()


class Compiled(Plain):
    def __init__(self):
        super().__init__()
        self.a = torch.compile(self.a)


class FiveDimensions(Plain):
    def __init__(self):
        super().__init__()
        self.unused = nn.Conv3d(1, 1, 1)
        self.register_buffer("positions", torch.zeros(1, 1, 1, 1, 1))


class SilentTrain(Plain):
    def train(self, mode=True):
        super().train(mode)


class OwnTo(Plain):
    def to(self, device):
        return None


class ScriptedRelu(nn.Module):
    def forward(self, x):
        return torch.relu(x * 1.0)


def by_hand(relu):
    """Return the network with its ReLUs written as the function `relu`."""

    class ByHand(Plain):
        def forward(self, x):
            return self.head(relu(self.b[:2](relu(self.a[:2](x)))))

    return ByHand


@pytest.fixture
def images():
    return torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def made(network, seed=1):
    torch.manual_seed(seed)
    return network()


def literal(network, images):
    """Return the score by the literal protocol, with the convolutions that the library takes."""
    layout = torch.channels_last
    return oracle.score(network.to(memory_format=layout), images.contiguous(memory_format=layout))


SAME = [
    FrozenBackbone, Detached, InferenceMode, Checkpointed, DataclassOutput, ObjectOutput, Labels,
    ThroughNumPy, OwnGradient, InnerGradient, Compiled, FiveDimensions, SilentTrain, OwnTo,
]  # fmt: skip
# The authors' code sees no ReLU that is no module of that name.
SAME_ONCE = [CustomFunction, InPlaceOnAView, Scripted, ScriptedAndFrozen, Traced, Exported]
WAYS = [(kind, count) for count in ("once", "as-published") for kind in SAME]
WAYS += [(kind, "once") for kind in SAME_ONCE]
STANCE = hasattr(torch.compiler, "set_stance")
BY_HAND = {
    "clamp": lambda x: x.clamp(min=0),
    "clamp to 6": lambda x: torch.clamp(x, 0, 6),
    "clamp_min": lambda x: x.clamp_min(0),
    "threshold": lambda x: functional.threshold(x, 0, 0),
    "Threshold": nn.Threshold(0, 0),
    "where": lambda x: torch.where(x > 0, x, 0),
    "where the other way round": lambda x: torch.where(x <= 0, torch.zeros_like(x), x),
    "maximum": lambda x: torch.maximum(x, torch.zeros(())),
    "max": lambda x: torch.max(torch.zeros_like(x), x),
    "mask": lambda x: x * (x > 0),
    "float mask": lambda x: (x > 0).float() * x,
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "index": lambda x: x.index_put((x < 0,), torch.zeros(())),
    "clamp to a tensor": lambda x: x.clamp(min=torch.zeros(())),
    "an operator": torch.ops.aten.relu,
}


@pytest.mark.parametrize(
    ("network", "relu_count"), WAYS, ids=[f"{kind.__name__}-{count}" for kind, count in WAYS]
)
def test_relus_count_wherever_data_flow(network, relu_count, images):
    if network is Compiled and not STANCE:
        pytest.skip("torch before 2.6 cannot run a compiled module as it was written")
    expected = literal(made(Plain), images)
    found = score(made(network), images, relu_count=relu_count)
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert (found.relu_units, found.note) == (12_288, "")


def test_an_old_torch_is_named_where_a_network_was_compiled(images, monkeypatch):
    monkeypatch.delattr(torch.compiler, "set_stance", raising=False)
    with pytest.raises(
        NaswotError, match=r"compiled by torch\.compile.*install torch 2\.6 or newer"
    ):
        score(made(Compiled), images)


@pytest.mark.parametrize("relu", BY_HAND.values(), ids=BY_HAND)
def test_relus_written_by_hand_count(relu, images):
    expected = literal(made(Plain), images)
    assert score(made(by_hand(relu)), images).value == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "whole", [torch.jit.script, lambda x: torch.jit.trace(x, torch.randn(16, 3, 32, 32))]
)
def test_whole_networks_may_be_scripted_or_traced(whole, images):
    expected = literal(made(Plain), images)
    assert score(whole(made(Plain)), images).value == pytest.approx(expected, abs=1e-9)


def test_a_frozen_backbone_counts_beside_the_relu_of_its_head(images):
    class Ours(FrozenBackbone):
        def __init__(self):
            super().__init__()
            self.head = nn.Sequential(head(16), nn.ReLU(), nn.Linear(10, 2))

    class Theirs(Ours):
        def forward(self, x):
            return Plain.forward(self, x)

    assert score(made(Ours), images).value == pytest.approx(literal(made(Theirs), images))
    assert score(made(Ours), images).relu_modules == 3


def test_where_it_cannot_be_known_relus_count_and_the_note_says_so(images):
    class Number(Plain):
        def forward(self, x):
            return super().forward(x).mean().item()

    class Nothing(Plain):
        def forward(self, x):
            self.kept = super().forward(x)

    expected = literal(made(Plain), images)
    for network in (Number, Nothing):
        found = score(made(network), images)
        assert found.value == pytest.approx(expected)
        assert "2 of 2 ReLUs are counted although the output may not depend on them" in found.note


def test_minus_infinity_over_nothing_is_explained(images):
    class Unused(Plain):
        def forward(self, x):
            super().forward(x)
            return self.head[2](x.mean((2, 3)) @ torch.ones(3, 16))

    found = score(made(Unused), images)
    assert (found.value, found.relu_units) == (-np.inf, 0)
    assert found.note == "the output depends on none of 2 ReLUs, so all images have the same code"


def test_other_choices_by_sign_are_named(images):
    class Mixed(Plain):
        def forward(self, x):
            x = super().forward(x)
            return torch.where(x > 0, x, 0.1 * x)

    found = score(made(Mixed), images)
    assert found.value == pytest.approx(literal(made(Plain), images))
    assert found.note == "choices by the sign of a tensor are no ReLUs and not counted: 1"


@pytest.mark.parametrize("count", [2, 16])
def test_relus_that_do_not_depend_on_the_images_are_left_out(count, images):
    class Weighted(Plain):
        """As in BiFPN, two branches have positive weights."""

        def __init__(self):
            super().__init__()
            self.weights = nn.Parameter(torch.ones(2))

        def forward(self, x):
            weights = self.weights.relu()
            a = self.a(x)
            return self.head(
                self.b(a * weights[0] / weights.sum() + a * weights[1] / weights.sum())
            )

    class Table(Plain):
        """As in Swin Transformer V2, a table of positions goes through a small network."""

        def __init__(self):
            super().__init__()
            self.small = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1))

        def forward(self, x):
            return super().forward(x) + self.small(torch.ones(1, 15, 15, 2)).mean()

    images = images[:count]
    expected = literal(made(Plain), images)
    for network in (Weighted, Table):
        found = score(made(network), images)
        assert found.value == pytest.approx(expected)
        assert (found.relu_units, found.relu_modules) == (12_288, 2)
        assert found.note == "1 of 3 ReLUs do not depend on the images and are left out"


class Codes(nn.Module):
    """A linear layer and a ReLU, of which the codes are easily had."""

    def __init__(self, fold, unfold):
        super().__init__()
        self.fold, self.unfold = fold, unfold
        self.linear, self.last = nn.Linear(48, 20), nn.Linear(20, 1)

    def forward(self, x):
        return self.last(self.unfold(self.linear(self.fold(x)).relu()))


def windows(x):
    """Return (B, 16, 48): 4×4 windows of 3×16×16 images."""
    return x.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).reshape(len(x), 16, 48)


FOLDS = {
    "windows side by side": (
        lambda x: windows(x).flatten(0, 1),
        lambda y: y.unflatten(0, (-1, 16)).mean(1),
    ),
    "copies of the mini-batch": (
        lambda x: torch.cat(windows(x).unbind(1)),
        lambda y: y.unflatten(0, (16, -1)).mean(0),
    ),
    "sequence first": (lambda x: windows(x).transpose(0, 1), lambda y: y.mean(0)),
    "sequence second": (windows, lambda y: y.mean(1)),
    "images last": (
        lambda x: windows(x),
        lambda y: y.permute(2, 1, 0).relu().permute(2, 1, 0).mean(1),
    ),
}


@pytest.mark.parametrize("count", [4, 16, 5])
@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)
def test_codes_of_parts_belong_to_their_image(fold, count):
    torch.manual_seed(0)
    images, network = torch.randn(count, 3, 16, 16), Codes(*fold)
    codes = (network.linear(windows(images)) > 0).flatten(1)
    times = 2 if fold is FOLDS["images last"] else 1
    kernel = times * (codes[:, None] == codes[None, :]).sum(2)
    found = score(network, images)
    assert found.value == pytest.approx(np.linalg.slogdet(kernel.double().numpy())[1])
    assert (found.relu_units, found.note) == (times * 320, "")


HIDDEN = {
    "operator": torch.ops.aten.relu,
    "low level": lambda x: torch._C._nn.leaky_relu(x, 0.0),
    "scripted": torch.jit.script(ScriptedRelu()),
    "NumPy's zero": lambda x: torch.clamp(x, min=np.float64(0)),
}


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("relu", HIDDEN.values(), ids=HIDDEN)
def test_relus_of_a_side_branch_are_not_overlooked(relu, freeze, images):
    class Branch(Plain):
        def __init__(self, relu):
            super().__init__()
            self.relu = relu

        def forward(self, x):
            a = self.a(x)
            with torch.set_grad_enabled(not freeze):
                side = self.relu(self.b[0](a))
            return self.head(self.b(a) + side)

    expected = score(made(lambda: Branch(functional.relu)), images)
    for warm in range(4):  # scripts are optimised once they have run
        network = made(lambda: Branch(relu))
        for _ in range(warm):
            copy.deepcopy(network)(images.clone().requires_grad_()).sum().backward()
        found = score(network, images)
        assert found.value == pytest.approx(expected.value, abs=1e-9)
        assert found.relu_units == 8_192 + 2 * 4_096


class Turned(nn.Module):
    """Images and steps, (B, 4, 2, 3), change places and have their ReLU there."""

    def __init__(self, turn):
        super().__init__()
        self.turn, self.one, self.two = turn, nn.Linear(3, 9), nn.Linear(9, 1)

    def forward(self, x):
        return self.two(self.turn(self.turn(self.one(x)).relu()).mean((1, 2)))


TURNS = {
    "transpose": lambda x: x.transpose(0, 1),
    "stack": lambda x: torch.stack(x.unbind(1)),
    "permute": lambda x: x.permute(1, 0, 2, 3),
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_as_many_steps_as_images_are_told_apart(turn):
    torch.manual_seed(0)
    network, images = Turned(turn), torch.randn(4, 4, 2, 3)
    codes = (network.one(images) > 0).flatten(1)
    kernel = (codes[:, None] == codes[None, :]).sum(2).double().numpy()
    assert score(network, images).value == pytest.approx(np.linalg.slogdet(kernel)[1])


def test_a_position_that_fits_one_image_by_chance_is_not_taken():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.learned = nn.Parameter(torch.randn(4, 1, 8))
            self.one, self.two = nn.Linear(8, 20), nn.Linear(20, 1)

        def tokens(self, x):
            return torch.cat([self.learned.expand(-1, len(x), -1), x.transpose(0, 1)])

        def forward(self, x):
            return self.two(self.one(self.tokens(x)).relu().mean(0))

    torch.manual_seed(0)
    network, images = Tokens(), torch.randn(2, 4, 8)
    codes = (network.one(network.tokens(images)) > 0).transpose(0, 1).flatten(1)
    kernel = (codes[:, None] == codes[None, :]).sum(2).double().numpy()
    assert score(network, images).value == pytest.approx(np.linalg.slogdet(kernel)[1])


@pytest.mark.parametrize("steps", [7, 6])
def test_the_mini_batch_may_be_another_dimension_of_the_images(steps):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 9), nn.ReLU(), nn.Linear(9, 1))
    sequences = torch.randn(steps, 6, 5)
    codes = (network[0](sequences) > 0).transpose(0, 1).flatten(1)
    kernel = (codes[:, None] == codes[None, :]).sum(2).double().numpy()
    found = score(network, sequences, batch_dim=1)
    assert found.value == pytest.approx(np.linalg.slogdet(kernel)[1])


def test_parts_that_mix_the_images_are_left_out_and_named(images):
    class Mixing(Plain):
        def forward(self, x):
            return super().forward(x) + x.mean((0, 1)).relu().mean()

    found = score(made(Mixing), images)
    assert found.value == pytest.approx(literal(made(Plain), images))
    assert found.note == (
        "1 of 3 ReLUs are left out: a ReLU has an input of shape (32, 32), which mixes the images"
    )


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LazyConv2d(8, 3, 1, 1),
            nn.LazyBatchNorm2d(),
            nn.ReLU(),
            nn.Flatten(),
            nn.LazyLinear(1),
        )

    def forward(self, x):
        return self.layers(x)


def test_lazy_networks_are_scored(images):
    network = made(Lazy)
    found = score(network, images)
    assert network.layers[1].num_batches_tracked == 0
    assert found.value == pytest.approx(literal(network, images))  # it has its parameters now


def test_what_cannot_be_copied_is_explained(images):
    class Locked(Plain):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()

    with pytest.raises(
        NaswotError, match=r"cannot be copied .*_thread.lock.* function that builds"
    ):
        score(made(Locked), images)
    assert score(Locked, images).relu_modules == 2


def test_a_network_that_fails_is_named_and_images_are_not_blamed_without_need(images):
    class Broken(Plain):
        def forward(self, x):
            raise KeyError("weights")

    with pytest.raises(NaswotError, match=r"^Broken fails: KeyError: 'weights'\.$"):
        score(made(Broken), images)
    with pytest.raises(NaswotError, match=r"^Plain fails on images of 1×32×32: RuntimeError: .*"):
        score(made(Plain), images[:, :1])


@pytest.mark.parametrize("given", [{}, {"ids": [1, 2]}, (), [1, 2], "images"])
def test_what_is_no_mini_batch_is_named(given):
    message = f"images are a {type(given).__name__} without tensors; a mini-batch is"
    with pytest.raises(NaswotError, match=message):
        score(made(Plain), given)
    with pytest.raises(NaswotError, match=message):
        rank([Plain], given)


def test_what_builds_no_network_is_named(images):
    for given, message in [
        (lambda: 1 / 0, "builds no network: it raises ZeroDivisionError"),
        (lambda: None, "returns no torch.nn.Module but NoneType"),
        ("resnet", "str is neither a torch.nn.Module nor a function"),
        (
            nn.Sequential(nn.LazyLinear(4), nn.Linear(5, 1)),
            "Sequential fails on images of 3×32×32: RuntimeError",
        ),
    ]:
        with pytest.raises(NaswotError, match=message):
            score(given, images)
    for shape, batch_dim in [((0, 3, 8, 8), 0), ((4, 3, 8, 8), 5)]:
        with pytest.raises(NaswotError, match=r"there has to be an image, and such a dimension"):
            score(made(Plain), torch.ones(shape), batch_dim=batch_dim)


def test_bytes_are_named_and_arrays_taken(images):
    with pytest.raises(NaswotError, match=r"images are torch.uint8 of shape .* floating point"):
        score(made(Plain), torch.ones(4, 3, dtype=torch.uint8))
    assert score(made(Plain), images.numpy()).value == score(made(Plain), images).value


def test_notes_of_values_stand_in_the_ranking(images):
    class Number(Plain):
        def forward(self, x):
            y = super().forward(x)
            return {"logits": y, "mean": float(self.a(x).mean().item())}

    frame = rank([Plain, Number], images)
    notes = dict(zip(frame["network"], frame["note"], strict=True))
    assert notes["Plain"] == ""
    assert notes["Number"].startswith("naswot: 1 of 3 ReLUs are counted although")


def test_no_relu_is_an_error():
    with pytest.raises(NoReluError, match="calls no ReLU"):
        score(nn.Sequential(nn.Flatten(), nn.Linear(12, 1)), torch.randn(4, 3, 2, 2))


def test_weights_are_all_that_l2_norm_looks_at(images):
    segmenting = nn.Sequential(nn.Conv2d(3, 4, 1), nn.GELU(), nn.Conv2d(4, 1, 1))
    one_logit = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 1))
    frame = rank({"segmenting": segmenting, "one logit": one_logit}, images, "l2_norm")
    for name, network in (("segmenting", segmenting), ("one logit", one_logit)):
        norms = [p.norm().item() for p in network.parameters() if p.ndim > 1]
        assert frame.set_index("network").at[name, "l2_norm"] == pytest.approx(sum(norms))
