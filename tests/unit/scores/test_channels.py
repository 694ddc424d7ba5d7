"""How many channels networks take is seen from the layer that images come to first."""

import pytest
import torch
from torch import nn

from naswot.scores.channels import channels_for


class Reversed(nn.Module):
    """A network whose last layer is registered first."""

    def __init__(self, channels):
        super().__init__()
        self.head = nn.Conv2d(4, 1, 1)
        self.stem = nn.Conv2d(channels, 4, 1)

    def forward(self, images):
        return self.head(self.stem(images)).mean((1, 2, 3))


def raising():
    raise RuntimeError("no network")


def mlp(features):
    return nn.Sequential(nn.Flatten(), nn.Linear(features, 4), nn.ReLU())


@pytest.mark.parametrize(
    ("model", "channels"),
    [
        (lambda: nn.Conv2d(1, 4, 3), 1),
        (lambda: nn.Conv2d(3, 4, 3), 3),
        (lambda: nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3)), 1),
        (lambda: Reversed(1), 1),
        (lambda: Reversed(3), 3),
        (nn.Conv2d(1, 4, 3), 1),
        (lambda: mlp(64), 1),
        (lambda: mlp(192), 3),
        (lambda: mlp(1), 3),  # neither: scoring will tell
        (lambda num_classes: nn.Conv2d(1, num_classes, 3), 1),
        (nn.Identity, 3),
        (lambda: nn.LazyConv2d(4, 3), 3),
        (raising, 3),
    ],
)
def test_the_first_layer_tells(model, channels):
    assert channels_for({"a": model}, 10, 8) == channels


def test_nothing_is_left_behind_by_looking():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 4, 3))
    before, state = (
        torch.random.get_rng_state(),
        {k: v.clone() for k, v in network.state_dict().items()},
    )
    channels_for({"a": network}, 10, 8)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert not any(layer._forward_pre_hooks for layer in network.modules())


def test_the_first_network_that_tells_decides_and_no_other_is_built():
    models = {"a": nn.Identity, "b": lambda: nn.Conv2d(1, 4, 3), "c": raising}
    assert channels_for(models, 10, 8) == 1
    assert channels_for(dict(reversed(models.items())), 10, 8) == 1
