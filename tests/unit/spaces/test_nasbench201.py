"""The networks of the search spaces: what they count, and that they are the authors'."""

import golden
import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from naswot.scores.naswot import hamming_kernel
from naswot.spaces import SPACES
from naswot.spaces.nasbench201.network import AveragePool3x3

SPACE = SPACES["nasbench201"]
SSS = SPACES["natsbench_sss"]
CELL_101 = (
    '{"matrix":[[0,1,1,0],[0,0,1,1],[0,0,0,1],[0,0,0,0]],'
    '"ops":["input","conv3x3-bn-relu","maxpool3x3","output"]}'
)


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


def test_params_of_all_size_architectures(mirror):
    table = pd.read_parquet(mirror / "natsbench_sss.parquet", columns=["channels", "params"])
    assert list(table["channels"]) == list(SSS.architectures())
    assert (table["channels"].map(SSS.benchmark_params) == table["params"]).all()


@pytest.mark.parametrize("arch", ["8:16:24:32:40", "64:64:64:64:64"])
def test_params_of_a_size_architecture_are_those_of_its_network(arch):
    assert SSS.benchmark_params(arch) == sum(w.numel() for w in SSS.build(arch, 10).parameters())


def test_logits_of_every_space_have_a_column_a_class(noise):
    for name, arch in (("natsbench_sss", "8:16:8:24:8"), ("nasbench101", CELL_101)):
        assert SPACES[name].build(arch, 7)(noise(4, 16)).shape == (4, 7)


@pytest.mark.slow
@pytest.mark.parametrize("space", ["nasbench201", "natsbench_sss", "nasbench101"])
def test_the_authors_values_are_met(space, shared):
    """Counts, and scores for the first two seeds, of the cheapest reference networks."""
    csv = shared / "golden" / "golden.csv"
    table = pd.read_csv(csv)
    rows = table[table["space"] == space].sort_values("relu_units").iloc[:3]
    deviations = []
    for _, row in rows.iterrows():
        for kind in golden.KINDS:
            images = golden.load_images(csv, row["images"])
            found = golden.compare(row, SPACES[space], images, kind, seeds=2)
            assert found.passed, (row["arch"], kind, found)
            deviations.append(found.difference)
    assert np.isfinite(deviations).all()


@pytest.mark.slow
@pytest.mark.parametrize(("row", "space"), [(0, SPACE), (102, SSS)])
def test_the_authors_weights_load_and_give_their_kernel(row, space, shared):
    with np.load(shared / "golden" / "exact" / f"row_{row:03d}.npz", allow_pickle=False) as file:
        arrays = dict(file)
    csv = shared / "golden" / "golden.csv"
    record = pd.read_csv(csv).set_index("row").loc[row]
    network = space.build(record["arch"], 1)
    weights = {name[2:]: torch.from_numpy(arrays[name]) for name in arrays if name[:2] == "w/"}
    network.load_state_dict(weights)
    images = golden.load_images(csv, record["images"])
    for kind, name in (("as-published", "K"), ("once", "K_relu")):
        found, *_ = hamming_kernel(network, images, relu_count=kind)
        # Their layout is contiguous and ours channels-last: other convolution kernels, which
        # flip the sign of a pre-activation near zero now and then.
        difference = found.numpy() - arrays[name]
        assert np.linalg.norm(difference) <= 1e-5 * np.linalg.norm(arrays[name])
        assert np.abs(difference).max() <= 5e-5 * arrays[name].max()
