"""Several networks of one's own, several scores: what is computed, sorted, left out and refused."""

import functools
import gc
import threading
import weakref

import numpy as np
import pytest
import torch
from own_networks import GoogLeNetLike, MobileNetLike, ViTLike, resnet
from torch import nn

from naswot import NaswotError, rank, score


def small(activation=nn.ReLU, num_classes=10):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), activation(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(16, num_classes),
    )  # fmt: skip


@pytest.fixture
def width(register):
    """Add the score `width`, the outputs of the last layer, which is better if lower."""
    register(
        "width",
        lambda network, batch, options: {"width": network[-1].out_features},
        lower_is_better=("width",),
    )


def refuse(network, batch, options):
    raise NaswotError("it is not for this network.")


@pytest.mark.parametrize("network", [resnet, MobileNetLike, GoogLeNetLike])
@pytest.mark.parametrize("size", [32, 48])
def test_networks_in_torchvisions_style_are_scored(network, size, noise):
    images = noise(4, size)
    frame = rank([network], images)
    torch.manual_seed(0)
    expected = score(lambda: network(num_classes=10), images)
    assert frame["naswot"].tolist() == [expected.value]
    assert np.isfinite(expected.value)
    assert frame["params"].tolist() == [sum(p.numel() for p in network().parameters())]
    assert frame["note"].tolist() == [""]
    assert frame["network"].tolist() == [network.__name__]


def test_relus_of_auxiliary_heads_count():
    torch.manual_seed(0)
    network = GoogLeNetLike()
    images = torch.randn(4, 3, 32, 32)
    both = score(network, images).relu_modules
    network.aux = None
    assert both == score(network, images).relu_modules + 1


def test_a_network_without_relus_has_a_gap_and_comes_last(noise, register):
    register("count", lambda network, batch, options: {"count": 1.0})
    models = {"vit": ViTLike, "resnet": resnet}
    frame = rank(models, noise(4, 32), ("naswot", "count"))
    assert frame["network"].tolist() == ["resnet", "vit"]
    assert np.isnan(frame["naswot"][1])
    assert frame["count"].tolist() == [1, 1]
    assert frame["note"][0] == ""
    assert frame["note"][1].startswith("naswot: ViTLike calls no ReLU")


def test_what_to_try_instead_is_said(noise, register):
    register("grad_norm", lambda network, batch, options: {"grad_norm": 1.0})
    frame = rank([ViTLike], noise(4, 32), ("naswot", "grad_norm"))
    assert "; try: activation_codes" in frame["note"][0]


def test_the_first_score_sorts_and_lower_may_be_better(noise, width):
    models = [functools.partial(small, num_classes=n) for n in (5, 3, 9)]
    assert rank(models, noise(), "width")["width"].tolist() == [3, 5, 9]
    frame = rank(models, noise(), ["naswot", "width"])
    assert frame["naswot"].tolist() == sorted(frame["naswot"], reverse=True)


@pytest.mark.parametrize(
    ("lower", "order"),
    [(frozenset(), [np.inf, 2, 1, -np.inf, np.nan]), ({"x"}, [1, 2, np.inf, -np.inf, np.nan])],
)
def test_minus_infinity_and_nan_come_last_and_stay(lower, order, noise, register):
    values = iter([1, np.nan, -np.inf, 2, np.inf])
    register("x", lambda *_: {"x": next(values)}, lower_is_better=frozenset(lower))
    frame = rank([small] * 5, noise(), "x")
    np.testing.assert_array_equal(frame["x"], order)
    assert sorted(frame["network"]) == ["small", *(f"small-{n}" for n in range(2, 6))]


def test_every_network_starts_from_the_seed(noise):
    state = torch.get_rng_state()
    frame = rank([small, small], noise(), seed=3)
    assert frame["naswot"].nunique() == 1
    assert rank([small], noise(), seed=4)["naswot"][0] != frame["naswot"][0]
    assert torch.equal(state, torch.get_rng_state())


def test_a_module_is_not_changed(noise):
    network = resnet().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    frame = rank({"mine": network}, noise(4, 32))
    assert frame["naswot"][0] == score(network, noise(4, 32)).value
    assert not network.training
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_labels_reach_the_scores(noise, register):
    seen = []
    register("x", lambda network, batch, options: seen.append(batch) or {"x": 0.0}, labelled=("x",))
    rank([small], noise(4), "x", labels=np.array([2, 0, 1, 2]))
    rank([small], noise(4), "x", classes=7, seed=1)
    assert seen[0].labels.tolist() == [2, 0, 1, 2]
    assert [batch.classes for batch in seen] == [3, 7]
    assert seen[1].labels.dtype == torch.int64


@pytest.mark.parametrize(
    ("factory", "outputs"),
    [
        (lambda num_classes: small(num_classes=num_classes), 7),
        (lambda pretrained=False, **kwargs: small(**kwargs), 7),
        (lambda *, weights=None, **kwargs: nn.Sequential(nn.ReLU(**kwargs), small()), 10),
        (functools.partial(small, num_classes=5), 5),
        (small, 7),
        (lambda: small(), 10),
    ],
)
def test_factories_are_told_the_number_of_classes_if_they_take_it(
    factory, outputs, noise, register
):
    found = []
    register("x", lambda network, batch, _: found.append(network(batch.images)) or {"x": 0.0})
    rank([factory], noise(4), "x", classes=7)
    assert found[0].shape == (4, outputs)


def test_a_score_that_fails_leaves_the_others(noise, register):
    register("refuse", refuse)
    register("crash", lambda *_: {}["absent"])
    frame = rank([small], noise(), ("refuse", "naswot", "crash"))
    assert np.isfinite(frame["naswot"][0])
    note = frame["note"][0]
    assert note.startswith("refuse: it is not for this network.")
    assert "crash: it fails on small: KeyError" in note


def test_a_network_that_cannot_be_copied_is_built_again(noise, register):
    class Tied(nn.Module):
        """Holds a tensor that torch cannot copy."""

        def __init__(self):
            super().__init__()
            self.body = small()
            self.kept = self.body[0].weight * 2

        def forward(self, x):
            return self.body(x)

    register("x", lambda network, batch, options: {"x": 1.0})
    frame = rank([Tied], noise(), ("naswot", "x"))
    assert frame["note"][0] == ""
    assert np.isfinite(frame["naswot"][0])
    with pytest.raises(NaswotError, match="Pass a function that builds it"):
        rank([Tied()], noise())
    locked = small()
    locked.lock = threading.Lock()
    with pytest.raises(NaswotError, match="Pass a function that builds it"):
        rank([locked], noise())


def test_lazy_modules_get_their_weights(noise):
    frame = rank([lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(5), nn.ReLU())], noise())
    assert frame["params"][0] == 192 * 5 + 5


def raising(depth=3):
    raise KeyError("depth")


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ([], {}, "no networks"),
        (small(), {}, "pass a list"),
        (["resnet18"], {}, "resnet18 is neither a module"),
        ([raising], {}, "raising cannot be built: its factory raises KeyError: 'depth'"),
        ([lambda depth: small()], {}, "missing a required argument: 'depth'"),
        ([lambda: 3], {}, "returns no torch.nn.Module but int"),
        ([lambda: nn.Linear(5, 5)], {}, "fails on images of 3×8×8: RuntimeError"),
        ([small], {"scores": "naswto"}, "Did you mean naswot"),
        ([small], {"scores": ()}, "No score is requested"),
        ([small], {"precision": "float16"}, "precision is 'float16'"),
        ([small], {"labels": [0.0] * 8}, "labels are torch.float32"),
        ([small], {"labels": [0] * 7}, r"shape \(7,\)"),
        ([small], {"labels": [5] * 8, "classes": 5}, "--classes"),
        ([functools.partial(small, nn.GELU)] * 2, {}, "small nor to the other networks; naswot"),
    ],
)
def test_mistakes_are_explained(models, options, message, noise):
    with pytest.raises(NaswotError, match=message):
        rank(models, noise(), **options)


def test_images_have_to_be_numbers_of_a_batch():
    with pytest.raises(NaswotError, match=r"torch.uint8 of shape \(2, 3, 8, 8\)"):
        rank([small], torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


def test_a_network_that_fails_only_in_training_is_named(noise):
    class Fails(nn.Module):
        def forward(self, x):
            if self.training:
                raise ValueError("no head")
            return x

    with pytest.raises(NaswotError, match="Fails fails: ValueError: no head"):
        rank([Fails], noise())


class Odd(BaseException):
    """Not even an exception, and it cannot say what it is."""

    def __str__(self):
        return self.message


def fails_with(error):
    """Return a network that raises `error` when it is called."""

    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            raise error

    return Fails


def endless(x):
    return endless(x)


@pytest.mark.parametrize(
    ("model", "note", "params"),
    [
        (raising, "cannot be built: its factory raises KeyError: 'depth'.", None),
        (lambda: 3, "cannot be built: its factory returns no torch.nn.Module but int.", None),
        (lambda: nn.Linear(5, 5), "fails on images of 3×8×8: RuntimeError: mat1 and mat2", 30),
        (lambda: nn.LazyConv2d(5, 9), "fails on images of 3×8×8: RuntimeError: ", 5 * 3 * 81 + 5),
        (fails_with(ValueError("no head")), "fails: ValueError: no head.", 8),
        (fails_with(RuntimeError("no\nweights")), "fails: RuntimeError: no weights.", 8),
        (fails_with(KeyError("size")), "fails: KeyError: 'size'.", 8),
        (fails_with(AssertionError("Input height (8) doesn't match model (224)")),
         "fails on images of 3×8×8: AssertionError: Input height", 8),
        (fails_with(SystemExit(3)), "fails: SystemExit: 3.", 8),
        (fails_with(MemoryError()), "fails: MemoryError.", 8),
        (fails_with(GeneratorExit()), "fails: GeneratorExit.", 8),
        (fails_with(Odd()), "fails: Odd.", 8),
        (lambda: torch.nn.Sequential(nn.Flatten(), nn.Linear(192, 2), Applied(endless)),
         "fails: RecursionError: maximum recursion depth exceeded", 386),
    ],
)  # fmt: skip
def test_a_network_that_fails_leaves_a_gap_and_the_others_are_ranked(model, note, params, noise):
    models = {"odd": model, "b": small, "a": functools.partial(small, nn.GELU)}
    frame = rank(models, noise(), ("naswot", "params"))
    assert frame["network"].tolist() == ["b", "odd", "a"]
    assert np.isfinite(frame["naswot"][0])
    assert frame["naswot"][1:].isna().all()
    assert frame["seconds"].isna().tolist() == [False, True, False]
    assert frame["note"][1].startswith(note)
    assert "\n" not in frame["note"][1]
    assert frame["note"][0] == ""
    assert frame["params"].dtype == ("Int64" if params is None else "int64")
    assert frame["params"].isna().tolist() == [False, params is None, False]
    assert params is None or frame["params"][1] == params
    with pytest.raises(NaswotError, match="odd "):
        rank(models, noise(), fail_fast=True)


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_if_all_networks_fail_the_first_cause_is_told(noise):
    models = {"one": raising, "two": fails_with(ValueError("no head"))}
    with pytest.raises(
        NaswotError, match=r"^All 2 networks failed; the first: one cannot be built"
    ):
        rank(models, noise())
    models["vit"] = functools.partial(small, nn.GELU)
    message = "applies to vit nor to the other networks; naswot: .* 2 of 3 failed; the first: one"
    with pytest.raises(NaswotError, match=message):
        rank(models, noise())


def test_only_the_user_can_interrupt(noise):
    with pytest.raises(KeyboardInterrupt):
        rank([small, fails_with(KeyboardInterrupt())], noise())


def test_what_failed_is_not_kept_in_memory(noise):
    built, alive = [], []

    def network():
        gc.collect()
        alive.append(sum(reference() is not None for reference in built))
        made = fails_with(ValueError("no head"))()
        built.append(weakref.ref(made))
        return made

    rank({**{str(number): network for number in range(4)}, "good": small}, noise())
    assert alive == [0, 0, 0, 0]


def test_a_network_built_before_may_have_lazy_modules(noise):
    def lazy():
        torch.manual_seed(5)
        return nn.Sequential(
            nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.BatchNorm2d(4),
            nn.Flatten(), nn.Dropout(), nn.LazyLinear(10),
        )  # fmt: skip

    network = lazy().eval()
    network[3].running_mean += 1
    network[0].train()
    state = torch.get_rng_state()
    frame = rank({"mine": network}, noise(), ("naswot", "grad_norm", "params"), seed=3)
    assert frame["note"][0] == ""
    assert frame["params"][0] == 4 * 27 + 4 + 8 + 8 + 4 * 36 * 10 + 10
    assert np.isfinite(frame[["naswot", "grad_norm"]]).all(axis=None)
    assert torch.equal(state, torch.get_rng_state())
    assert [module.training for module in network] == [True] + [False] * 6
    assert network[1].num_batches_tracked == 0
    assert network[3].num_batches_tracked == 0
    assert (network[3].running_mean == 1).all()
    again = rank({"mine": network}, noise(), ("naswot", "grad_norm", "params"), seed=3)
    assert again["grad_norm"][0] == frame["grad_norm"][0]
    assert rank([lazy()], noise(), seed=4)["naswot"][0] != frame["naswot"][0]


def test_modes_and_moves_of_its_own_do_not_stop_a_network(noise, register):
    class Peculiar(nn.Module):
        """As backbones of OpenMMLab: train() returns nothing; and it takes only a device."""

        def __init__(self):
            super().__init__()
            self.body = small()

        def train(self, mode=True):
            super().train(mode)
            self.body[0].eval()

        def to(self, device):
            super().to(device)

        def forward(self, x):
            return self.body(x)

    def crash(network, batch, options):
        raise RuntimeError("no such operation")

    register("x", lambda network, batch, _: {"x": network(batch.images).mean().item()})
    register("crash", crash)
    for images in (noise(), noise().double()):
        frame = rank([Peculiar], images, ("x", "crash"))
        assert np.isfinite(frame["x"][0])
        said = "crash: it fails on Peculiar: RuntimeError: no such operation."
        assert frame["note"].tolist() == [said]
