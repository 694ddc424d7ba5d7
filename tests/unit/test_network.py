"""The networks of NAS-Bench-201."""

import pandas as pd
import pytest
import torch
from torch.nn import functional

from naswot.spaces import get_space
from naswot.spaces.nasbench201.network import AveragePool3x3

SPACE = get_space("nasbench201")


# Parameters of the 10-class networks in the benchmark's official sample files.
@pytest.mark.parametrize(("index", "params"), [(0, 129_306), (1, 802_426), (2, 559_386)])
def test_params_of_the_benchmarks_networks(index, params):
    arch = SPACE.architectures()[index]
    assert SPACE.benchmark_params(arch) == params
    assert sum(weight.numel() for weight in SPACE.build(arch, 10).parameters()) == params


def test_params_of_all_cells(mirror):
    table = pd.read_parquet(mirror / "nasbench201.parquet", columns=["arch", "params"])
    assert (table["arch"].map(SPACE.benchmark_params) == table["params"]).all()


def test_one_seed_draws_the_same_weights():
    arch = SPACE.architectures()[1]
    torch.manual_seed(3)
    first = SPACE.build(arch, 1).state_dict()
    torch.manual_seed(3)
    second = SPACE.build(arch, 1).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 17])
def test_average_pooling_ignores_the_padding(size):
    x = torch.randn(4, 5, size, size + 1).to(memory_format=torch.channels_last)
    expected = functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    torch.testing.assert_close(AveragePool3x3(5)(x), expected)


def test_logits_have_a_column_a_class(noise):
    network = SPACE.build(SPACE.architectures()[0], 7)
    assert network(noise(4, 16)).shape == (4, 7)
