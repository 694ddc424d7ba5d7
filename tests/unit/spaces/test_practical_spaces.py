"""The spaces `mobile`, `mobile_hswish` and `resnet`: networks, texts, and fit to the images."""

import numpy as np
import pytest
import torch
from torch import nn

from naswot.errors import NaswotError
from naswot.spaces.choice_spaces import CHOICE_SPACES
from naswot.spaces.choices import draw, draw_random, fitted
from naswot.spaces.mobile import architecture as mobile
from naswot.spaces.resnet import architecture as resnet

NAMES = ("mobile", "mobile_hswish", "resnet")
MOBILE = "mobile-h0s16-k3e3d2w24r0-k5e3d2w40r1-k3e6d3w80r0-k3e6d2w112r1-k5e6d3w160r1-f960"
RESNET_18 = "resnet-h2s64-d2w64k3b-d2w128k3b-d2w256k3b-d2w512k3b"
RESNET_50 = "resnet-h2s64-d3w64k3n4-d4w128k3n4-d6w256k3n4-d3w512k3n4"
STEM_7X7, STEM_3X3 = 7 * 7 * 3 * 64, 3 * 3 * 3 * 64  # parameters


@pytest.mark.parametrize("name", NAMES)
def test_there_are_more_than_a_billion_networks_at_one_resolution(name):
    space = fitted(CHOICE_SPACES[name], (3, 32, 32))
    assert draw_random(space, np.random.default_rng(0)).routes > 1e9


# Parameters of torchvision's networks, which have a stem of 7 × 7.
@pytest.mark.parametrize(("arch", "params"), [(RESNET_18, 11_689_512), (RESNET_50, 25_557_032)])
def test_known_networks_are_in_the_space(arch, params):
    counted = CHOICE_SPACES["resnet"].count(arch, 1000, (3, 224, 224))
    assert counted["params"] == params - STEM_7X7 + STEM_3X3


def last_map(network: nn.Module, size: int) -> tuple[int, ...]:
    """Return height and width of what global pooling reads."""
    shapes = []
    network.pool.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape[2:]))
    network(torch.zeros(2, 3, size, size))
    return tuple(shapes[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("size", "halvings", "side"),
    [(16, 0, 2), (32, 0, 4), (47, 0, 6), (48, 1, 3), (64, 1, 4), (95, 1, 6), (96, 2, 3),
     (224, 2, 7)],
)  # fmt: skip
def test_the_resolution_settles_the_halvings(name, size, halvings, side):
    space = fitted(CHOICE_SPACES[name], (3, size, 2 * size))
    drawn = draw(space, lambda _, options: options[0])
    assert drawn.options["halvings"] == (halvings,)
    assert last_map(space.build(drawn.arch, 2), size) == (side, side)


def test_what_fits_is_part_of_the_space():
    space = fitted(CHOICE_SPACES["mobile"], (3, 64, 64))
    assert fitted(space, (3, 32, 32)) is space  # for images of 64 pixels it remains
    arch = draw_random(space, np.random.default_rng(1)).arch
    assert arch.startswith("mobile-h1s")
    CHOICE_SPACES["mobile"].build(arch, 1)
    assert fitted(CHOICE_SPACES["nasbench201"], (3, 8, 8)) is CHOICE_SPACES["nasbench201"]


@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_is_a_word_that_a_shell_leaves_alone(name):
    generator = np.random.default_rng(2)
    for _ in range(20):
        assert (
            draw_random(CHOICE_SPACES[name], generator)
            .arch.replace("-", "")
            .replace("_", "")
            .isalnum()
        )


def test_an_architecture_is_read_back():
    network = mobile.parse(MOBILE)
    assert (network.activation, network.halvings, network.stem, network.head) == (
        "relu", 0, 16, 960,
    )  # fmt: skip
    assert network.stages[1] == mobile.Stage(5, 3, 2, 40, True, 2)
    assert mobile.parse(MOBILE.replace("mobile", "mobile_hswish")).activation == "hswish"
    network = resnet.parse("resnet-h1s32-d1w16k3b-d2w64k5n2g8-d6w64k3n4-d4w512k3n1")
    assert (network.halvings, network.stem) == (1, 32)
    assert network.stages[1] == resnet.Stage(2, 64, 5, "n2g8", 2)
    assert (network.stages[1].channels, network.stages[1].groups) == (128, 8)


@pytest.mark.parametrize(
    ("space", "arch", "message"),
    [
        ("mobile", "mobil-h0s16", "it does not begin with mobile-"),
        ("mobile", "mobile", "it has 0 groups after the name instead of 7"),
        ("mobile", f"{MOBILE}-", "it has 8 groups after the name instead of 7"),
        ("mobile", MOBILE.replace("k5e3", "k4e3"), "kernel_2 is '4' in 'k4e3d2w40r1'; .* 3, 5, 7"),
        ("mobile", MOBILE.replace("w112", "w113"), "width_4 is '113' .*one of 56, 80, 112, 136"),
        ("mobile", MOBILE.replace("r0", "", 1), "'k3e3d2w24' does not have the form of k3e2d1w8r0"),
        ("mobile", MOBILE.replace("k5", "k05"), "kernel_2 is '05'"),
        ("mobile", MOBILE.replace("k5", "k٥"), "kernel_2 is|does not have the form"),
        ("mobile", MOBILE.replace("s16", "s16\n"), "does not have the form of h0s8"),
        ("mobile", MOBILE.upper(), "it does not begin with mobile-"),
        ("resnet", RESNET_18.replace("k3b", "k3n3", 1), "block_1 is 'n3' .*one of b, n1, n2, n4,"),
        ("resnet", RESNET_18.replace("k3b", "k3", 1), "does not have the form of d1w16k3b"),
        ("resnet", RESNET_18.replace("h2", "h3"), "halvings is '3' in 'h3s64'; .*one of 0, 1, 2"),
    ],
)
def test_a_wrong_part_is_named(space, arch, message):
    with pytest.raises(NaswotError, match=message) as error:
        CHOICE_SPACES[space].build(arch, 1)
    assert f"is not an architecture of {space} such as {space}-h0s" in str(error.value)


def test_all_activations_of_a_network_are_of_one_kind():
    kinds = {"mobile": nn.ReLU, "mobile_hswish": nn.Hardswish}
    for name, kind in kinds.items():
        network = CHOICE_SPACES[name].build(MOBILE.replace("mobile", name), 1)
        outside = [
            type(module)
            for path, module in network.named_modules()
            if isinstance(module, nn.ReLU | nn.Hardswish) and ".squeeze." not in path
        ]
        assert set(outside) == {kind}
        assert len(outside) == 2 + 2 * 12  # stem, head, and two in each block


def test_a_residual_block_without_change_of_shape_adds_its_input():
    network = CHOICE_SPACES["mobile"].build(MOBILE, 1)
    adds = [block.adds for stage in network.stages for block in stage]
    assert adds == [False, True, False, True, False, True, True, False, True, False, True, True]


@pytest.mark.parametrize("name", NAMES)
def test_networks_can_be_exported(name, noise):
    space, images = CHOICE_SPACES[name], noise(2, 40)
    network = space.build(draw(space, lambda _, options: options[1]).arch, 3).eval()
    exported = torch.export.export(network, (images,)).module()
    torch.testing.assert_close(exported(images), network(images))
