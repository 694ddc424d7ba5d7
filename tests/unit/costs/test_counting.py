"""Parameters, operations and memory, against formulas and slow ways to find them."""

import gc
import json

import pytest
import torch
from architectures import MICRO, TOPOLOGY, VERTICES, bottlenecks, cells
from own_networks import GoogLeNetLike, MobileNetLike, ResNet, ViTLike
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from naswot.costs.counting import Counts, count, count_built
from naswot.errors import NaswotError
from naswot.spaces import SPACES

SHAPE = (3, 32, 32)
IMAGE = 3 * 32 * 32 * 4  # bytes


class Network(nn.Module):
    """A network whose forward pass is a function of it and the image."""

    def __init__(self, function, **modules):
        super().__init__()
        self.function = function
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        return self.function(self, x)


class Scan(TorchDispatchMode):
    """Finds the peak by a search for tensors among all new objects after each operation."""

    def __init__(self, network):
        super().__init__()
        tensors = [*network.parameters(), *network.buffers()]
        self.held = {tensor.untyped_storage()._cdata for tensor in tensors}
        self.peak = 0

    def __enter__(self):
        gc.collect()
        gc.freeze()  # gc.get_objects leaves out what exists before
        return super().__enter__()

    def __exit__(self, *error):
        gc.unfreeze()
        super().__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
        # A number that an operation takes is a tensor of no dimension for a moment.
        alive = {tensor.untyped_storage()._cdata: tensor for tensor in tensors if tensor.ndim}
        sizes = [x.untyped_storage().nbytes() for key, x in alive.items() if key not in self.held]
        self.peak = max(self.peak, sum(sizes))
        return out


def scanned(network, device="cpu"):
    """Return the peak by `Scan`, the input included."""
    network = network.to(device).eval()
    image = torch.zeros(1, *SHAPE, device=device)
    with torch.no_grad(), Scan(network) as found:
        found.held.add(image.untyped_storage()._cdata)
        network(image)
    return found.peak + image.nbytes


def flops_by_torch(network):
    network = network.to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *SHAPE, device="meta"))
    return counter.get_total_flops()


def grouped():
    def forward(net, x):
        parts = net.conv(x).chunk(2, 1)
        x = torch.cat([parts[0].sigmoid() * parts[1], x], 1)
        return functional.interpolate(x, scale_factor=2).flatten(1).amax(1, keepdim=True)

    return Network(forward, conv=nn.Conv2d(3, 6, 3, padding=1, groups=3))


def recurrent():
    def forward(net, x):
        return net.head(net.lstm(x.flatten(1, 2))[0][:, -1])

    return Network(forward, lstm=nn.LSTM(32, 8, batch_first=True), head=nn.Linear(8, 3))


def transposed():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.GroupNorm(2, 4), nn.SiLU(inplace=True),
        nn.ConvTranspose2d(4, 2, 2, 2), nn.LayerNorm([32, 32]), nn.GELU(), nn.Dropout(0.5),
        nn.AdaptiveMaxPool2d(3), nn.Flatten(), nn.Linear(18, 2),
    )  # fmt: skip


OWN = {
    **{kind.__name__: kind for kind in (ResNet, MobileNetLike, GoogLeNetLike, ViTLike)},
    **{make.__name__: make for make in (grouped, recurrent, transposed)},
}


ARCHITECTURES = {
    "nasbench101": VERTICES,
    # No pooling: on CPUs a convolution takes its place.
    "nasbench201": TOPOLOGY.replace("avg_pool_3x3", "nor_conv_3x3"),
    "natsbench_sss": "8:64:16:32:24",
    "nds_darts": json.dumps(cells(aux=True)),
    "nds_resnext-a": json.dumps(bottlenecks()),
    "transnas_micro": MICRO,
}


def test_a_plain_network_by_hand():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(8, 4, 3, 2), nn.Flatten(),
        nn.Linear(4 * 15 * 15, 10),
    )  # fmt: skip
    found = count(network, SHAPE)
    assert found.params == 27 * 8 + (72 * 4 + 4) + (900 * 10 + 10)
    assert found.flops == 2 * (27 * 8 * 1024 + 72 * 4 * 225 + 900 * 10)
    # The ReLU needs its input and its output; the image stays.
    assert found.memory == IMAGE + 2 * 8 * 1024 * 4
    network[1] = nn.ReLU(inplace=True)
    # Now the second convolution needs most.
    assert count(network, SHAPE).memory == IMAGE + 8 * 1024 * 4 + 900 * 4


def test_a_residual_network_by_hand():
    def forward(net, x):
        y = net.two(functional.relu(net.one(x)))
        return functional.relu(x + y)

    one, two = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(2))
    # x + y is made while x and y are alive; ReLU while x, y and the sum are.
    assert count(Network(forward, one=one, two=two), SHAPE).memory == 4 * IMAGE


def test_bytes_follow_the_type():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    counts = [count(network, SHAPE, dtype) for dtype in (torch.bfloat16, torch.float64)]
    assert counts[1].memory == 4 * counts[0].memory
    assert counts[0].flops == counts[1].flops
    assert network[0].weight.dtype == torch.float32


@pytest.mark.parametrize("name", OWN)
def test_operations_are_those_of_torch(name):
    network = OWN[name]()
    found = count(network, SHAPE)
    assert count_built(OWN[name], SHAPE) == found
    assert found.params == sum(p.numel() for p in network.parameters())
    assert found.flops == flops_by_torch(network) > 0 or name == "grouped"
    # CPUs have operators of their own for attention and recurrent layers.
    device = "meta" if name in ("ViTLike", "recurrent") else "cpu"
    assert found.memory == scanned(OWN[name](), device)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_networks_of_the_spaces(name):
    def make():
        return SPACES[name].build(ARCHITECTURES[name], 10)

    found = count_built(make, SHAPE)
    network = make()
    assert found == count(network, SHAPE)
    assert found.memory == scanned(network)
    assert found.flops == flops_by_torch(network)


def test_counting_changes_neither_the_network_nor_random_numbers():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    count(network, SHAPE)
    count_built(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout()), SHAPE)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())


def test_networks_that_need_values_are_built_as_usual():
    def looks(net, x):
        return net.linear(x.flatten(1)) * (2.0 if x.sum().item() > 0 else 1.0)

    def build():
        rates = [x.item() for x in torch.linspace(0, 1, 3)]  # refused by the meta device
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(rates[1]))

    network = Network(looks, linear=nn.Linear(3072, 5))
    expected = Counts(3072 * 5 + 5, 2 * 3072 * 5, IMAGE + 2 * 5 * 4)
    assert count(network, SHAPE) == count_built(lambda: network, SHAPE) == expected
    assert count_built(build, SHAPE) == count(build(), SHAPE)


def test_transformers_that_need_values_have_the_same_operations():
    class Looking(ViTLike):
        def forward(self, x):
            return super().forward(x) * (2.0 if x.sum().item() > 0 else 1.0)

    assert count(Looking(), SHAPE).flops == count(ViTLike(), SHAPE).flops


def test_lazy_modules_and_several_inputs():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(5))
    found = count_built(lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(5)), SHAPE)
    assert (found.params, found.flops) == (3072 * 5 + 5, 2 * 3072 * 5)
    assert count(network, SHAPE).params == 112 + 3600 * 5 + 5
    inputs = torch.zeros(7, *SHAPE)
    assert count(network, inputs) == count(network, SHAPE)


def test_shared_weights_and_views_count_once():
    linear = nn.Linear(32, 32, bias=False)
    network = Network(lambda net, x: net.a(net.b(x)).transpose(2, 3)[:, :1], a=linear, b=linear)
    assert count(network, SHAPE) == Counts(1024, 2 * 2 * 96 * 1024, 3 * IMAGE)
    table = Network(
        lambda net, x: x + net.weight.weight.expand(3, 32, 32), weight=nn.Linear(32, 32)
    )
    assert count(table, SHAPE).memory == 2 * IMAGE


@pytest.mark.parametrize("shape", [(), (3, 0, 4), (3, 2.5, 4), "ab"])
def test_shapes_that_are_none(shape):
    with pytest.raises(NaswotError, match="shape of an image"):
        count(nn.ReLU(), shape)


def test_networks_that_fail_say_why():
    with pytest.raises(NaswotError, match="Sequential fails on images of 3×32×32: RuntimeError"):
        count(nn.Sequential(nn.Conv2d(1, 2, 3)), SHAPE)
    with pytest.raises(NaswotError, match="cannot be built: ZeroDivisionError"):
        count_built(lambda: 1 / 0, SHAPE)
    with pytest.raises(NaswotError, match=r"no torch\.nn\.Module but int"):
        count_built(lambda: 1, SHAPE)
