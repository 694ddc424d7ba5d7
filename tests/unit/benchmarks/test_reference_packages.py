"""Our readers and networks beside the packages that users of these benchmarks know.

nats_bench and nas-bench-201 are not the readers, because they unpickle whatever a file asks for,
and pycls is not the builder, because its networks depend on a configuration of its process.
"""

import bz2
import json
import pickle

import nas_201_api
import nats_bench
import numpy as np
import pytest
import torch
from pycls.models.anynet import AnyNet

from naswot.benchmarks import nasbench201_pth
from naswot.benchmarks import nats_bench as ours
from naswot.benchmarks.table import accuracy_keys
from naswot.spaces.nds import build, canonical

FOLDERS = {"tss": "NATS-tss-v1_0-3ffb9-simple", "sss": "NATS-sss-v1_0-50262-simple"}
SAMPLES = [0, 11, 284]

# Pickles of older NumPy name a module that has moved.
pytestmark = pytest.mark.filterwarnings("ignore:numpy.core is deprecated:DeprecationWarning")


def compare(row, results) -> int:
    """Compare each number of a table's row with `results`, hp → theirs; return how many."""
    compared = 0
    theirs_by_epochs = {theirs.get_total_epoch(): theirs for theirs in results.values()}
    for key in accuracy_keys(row.to_frame().T):
        dataset, split, epochs = key.split("/")
        theirs = theirs_by_epochs[int(epochs)]

        def accuracy(seed=False, epoch=None, theirs=theirs, place=(dataset, split)):
            return theirs.get_metrics(*place, iepoch=epoch, is_random=seed)["accuracy"]

        expected = [accuracy()]
        found = [row[key]]
        expected += [accuracy(seed) for seed in theirs.get_dataset_seeds(dataset)]
        found += list(row[f"{key}/per-seed"])
        curve = row.get(f"{key}/per-epoch")
        if curve is not None:
            expected += [accuracy(epoch=epoch) for epoch in range(int(epochs))]
            found += list(curve)
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=key)
        compared += len(found)
    longest = theirs_by_epochs[max(theirs_by_epochs)]
    for name in (name for name in row.index if name.endswith("/train-seconds-per-epoch")):
        dataset = name.split("/")[0]
        seconds = longest.get_metrics(dataset, "train")["all_time"] / max(theirs_by_epochs)
        np.testing.assert_allclose(row[name], seconds, rtol=1e-12)
        if f"{dataset}/eval-seconds" in row:
            once = longest.get_metrics(dataset, "x-valid")["cur_time"]
            np.testing.assert_allclose(row[f"{dataset}/eval-seconds"], once, rtol=1e-12)
    costs = longest.get_compute_costs("cifar10")
    assert (row["params"], row["flops"]) == (
        round(costs["params"] * 1e6),
        round(costs["flops"] * 1e6),
    )
    return compared


@pytest.mark.parametrize("kind", FOLDERS)
def test_nats_bench_reads_the_same(mirror, kind):
    folder = mirror / "official_format" / "nats_bench" / "fake_torch_dir" / FOLDERS[kind]
    table = ours.read(folder, kind)
    api = nats_bench.create(str(folder), kind, fast_mode=True, verbose=False)
    assert list(table["arch"]) == api.meta_archs
    compared = 0
    for index in SAMPLES:
        api.get_more_info(index, "cifar10", hp="12")  # loads the architecture
        compared += compare(table.loc[index], api.arch2infos_dict[index])
    assert compared >= 1000


def test_nas_bench_201_reads_the_same(mirror, tmp_path):
    """Its own `torch.load` refuses its file since torch 2.6, so it is handed the content."""
    folder = mirror / "official_format" / "nats_bench" / "fake_torch_dir" / FOLDERS["tss"]
    infos = {}
    for index in SAMPLES:
        entry = pickle.loads(bz2.decompress((folder / f"{index:06d}.pickle.pbz2").read_bytes()))
        infos[index] = {"less": entry["12"], "full": entry["200"]}
    meta = pickle.loads(bz2.decompress((folder / "meta.pickle.pbz2").read_bytes()))
    content = {"meta_archs": meta["meta_archs"], "arch2infos": infos, "evaluated_indexes": SAMPLES}
    torch.save(content, tmp_path / "NAS-Bench-201.pth")
    table = nasbench201_pth.read(tmp_path / "NAS-Bench-201.pth")
    api = nas_201_api.NASBench201API(content, verbose=False)
    compared = [compare(table.loc[index], api.arch2infos_dict[index]) for index in SAMPLES]
    assert min(compared) >= 100


def stages(block, **inside):
    common = {"stem_type": "res_stem_cifar", "stem_w": 16, "se_r": None, "ss": [1, 2, 2]}
    shape = {"ds": [2, 1, 3], "ws": [16, 24, 64], "bms": [], "gws": []}
    return common | {"block_type": block} | shape | inside


@pytest.mark.parametrize(
    ("space", "net"),
    [
        ("nds_resnet", stages("res_basic_block")),
        ("nds_vanilla", stages("vanilla_block")),
        ("nds_resnext-a", stages("res_bottleneck_block", bms=[1.0, 0.5, 0.25], gws=[8, 4, 16])),
    ],
)
def test_pycls_builds_the_same_networks(space, net):
    torch.manual_seed(3)
    mine = build(canonical(json.dumps(net), space), 10).eval()
    torch.manual_seed(3)
    theirs = AnyNet(**net, nc=10).eval()
    weights = [weight for weight in mine.state_dict().values() if weight.ndim]
    expected = [weight for weight in theirs.state_dict().values() if weight.ndim]
    assert len(weights) == len(expected)
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(mine(images), theirs(images))
