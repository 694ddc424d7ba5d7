"""What nats_bench, nas_201_api and pycls hand over, beside our readers and our networks."""

import bz2
import json
import pickle

import nas_201_api
import nats_bench
import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from pycls.core.config import cfg, reset_cfg
from pycls.models.anynet import AnyNet
from pycls.models.regnet import RegNet

import naswot
from naswot.benchmarks import from_api
from naswot.benchmarks import nats_bench as ours
from naswot.errors import NaswotError
from naswot.io.python_files import imported
from naswot.spaces.nds import build
from naswot.spaces.nds.pycls_config import from_pycls

FOLDERS = {"tss": "NATS-tss-v1_0-3ffb9-simple", "sss": "NATS-sss-v1_0-50262-simple"}
SAMPLES = [0, 11, 284]
STAGES = {
    "STEM_TYPE": "res_stem_cifar",
    "STEM_W": 16,
    "DEPTHS": [2, 1, 3],
    "WIDTHS": [16, 24, 64],
    "STRIDES": [1, 2, 2],
}
BOTTLENECKS = {"BOT_MULS": [1.0, 0.5, 0.25], "GROUP_WS": [8, 4, 16]}

# Pickles of older NumPy name a module that has moved.
pytestmark = pytest.mark.filterwarnings("ignore:numpy.core is deprecated:DeprecationWarning")


@pytest.fixture
def samples(mirror):
    return mirror / "official_format" / "nats_bench" / "fake_torch_dir"


def unpickled(path):
    return pickle.loads(bz2.decompress(path.read_bytes()))


def content(folder) -> dict:
    """Return what one big file of a benchmark would hold, of the sampled architectures."""
    infos = {index: unpickled(folder / f"{index:06d}.pickle.pbz2") for index in SAMPLES}
    meta = unpickled(folder / "meta.pickle.pbz2")
    return {
        "meta_archs": meta["meta_archs"],
        "arch2infos": infos,
        "evaluated_indexes": set(SAMPLES),
    }


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("fast", [True, False])
def test_an_opened_nats_bench_gives_the_table_of_our_reader(samples, kind, fast):
    folder = samples / FOLDERS[kind]
    opened = str(folder) if fast else content(folder)
    api = nats_bench.create(opened, kind, fast_mode=fast, verbose=False)
    table = from_api(api)
    assert_frame_equal(table, ours.read(folder, kind))
    assert table[[name for name in table if name.endswith("per-seed")]].count().min() > 0
    loaded = {} if fast else dict.fromkeys(SAMPLES)
    assert api.arch2infos_dict.keys() == loaded.keys()


def test_an_opened_nas_bench_201_gives_the_same_table(samples):
    folder = samples / FOLDERS["tss"]
    whole = content(folder)
    for index, lengths in whole["arch2infos"].items():
        whole["arch2infos"][index] = {"less": lengths["12"], "full": lengths["200"]}
    api = nas_201_api.NASBench201API(whole, verbose=False)
    assert_frame_equal(from_api(api), ours.read(folder, "tss"))


def test_the_table_goes_into_a_mirror(samples, tmp_path):
    api = nats_bench.create(str(samples / FOLDERS["tss"]), "tss", fast_mode=True, verbose=False)
    table = from_api(api)
    table.to_parquet(tmp_path / "nasbench201.parquet")
    opened = naswot.open_table(tmp_path / "nasbench201.parquet")
    found = opened.query(11, "cifar10-valid/x-valid", 200)
    theirs = api.query_by_index(11, "cifar10-valid", hp="200")
    accuracies = [theirs[seed].get_eval("x-valid")["accuracy"] for seed in sorted(theirs)]
    assert found.per_seed == tuple(accuracies)
    assert found.mean == pytest.approx(np.mean(accuracies), rel=1e-12)
    assert len(found.per_epoch) == 200
    assert opened.index(api.arch(11)) == 11
    assert np.isnan(opened.query(1, "cifar10-valid/x-valid", 200).mean)


@pytest.mark.parametrize("other", [None, 3, pd.DataFrame(), {"meta_archs": []}])
def test_another_object_is_one_message(other):
    with pytest.raises(NaswotError, match="is not an opened NATS-Bench or NAS-Bench-201: hand"):
        from_api(other)


def test_a_damaged_api_is_one_message(samples):
    api = nats_bench.create(content(samples / FOLDERS["tss"]), "tss", verbose=False)
    api.arch2infos_dict[11]["200"].arch_str = "another"
    with pytest.raises(NaswotError, match=r"Architecture 11 .*its results are of"):
        from_api(api)
    api.arch2infos_dict[11] = {"12": None}
    with pytest.raises(NaswotError, match=r"Architecture 11 .* Open the official file"):
        from_api(api)
    api.arch2infos_dict = {}
    with pytest.raises(NaswotError, match="has no results: open it"):
        from_api(api)


def test_our_code_imports_none_of_these_packages(root):
    for file in ("benchmarks/packages.py", "spaces/nds/pycls_config.py"):
        assert not {"nats_bench", "nas_201_api", "pycls"} & imported(root / "naswot" / file)


@pytest.fixture
def configured():
    """Return a function that sets pycls's configuration and returns it."""

    def set_to(kind: str, **section):
        reset_cfg()
        cfg.merge_from_list(["MODEL.TYPE", kind])
        options = [x for key, value in section.items() for x in (f"{kind.upper()}.{key}", value)]
        cfg.merge_from_list(options)
        return cfg

    yield set_to
    reset_cfg()


def sizes(network: torch.nn.Module) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in network.parameters()]


@pytest.mark.parametrize(
    ("space", "section"),
    [
        ("nds_resnet", {"BLOCK_TYPE": "res_basic_block"}),
        ("nds_vanilla", {"BLOCK_TYPE": "vanilla_block"}),
        ("nds_resnext-a", {"BLOCK_TYPE": "res_bottleneck_block", **BOTTLENECKS}),
    ],
)
def test_an_anynet_of_pycls_is_the_same_network_here(configured, tmp_path, space, section):
    config = configured("anynet", **STAGES, **section)
    found, arch = from_pycls(config)
    assert (found, sizes(build(arch, 10))) == (space, sizes(AnyNet()))
    (tmp_path / "net.yaml").write_text(config.dump())
    assert from_pycls(tmp_path / "net.yaml") == (found, arch)


REGNETS = [
    {"DEPTH": 13, "W0": 24, "WA": 36.0, "WM": 2.5, "GROUP_W": 8},
    {"DEPTH": 16, "W0": 56, "WA": 35.73, "WM": 2.28, "GROUP_W": 16, "STRIDE": 1},
    {"DEPTH": 9, "W0": 48, "WA": 27.89, "WM": 2.09, "GROUP_W": 24, "BOT_MUL": 0.5},
    {"DEPTH": 12, "W0": 8, "WA": 0.0, "WM": 2.0, "GROUP_W": 64},
]


@pytest.mark.parametrize("numbers", REGNETS)
def test_a_regnet_of_pycls_is_the_same_network_here(configured, numbers):
    space, arch = from_pycls(configured("regnet", STEM_TYPE="res_stem_cifar", **numbers))
    assert (space, sizes(build(arch, 10))) == ("nds_resnext-a", sizes(RegNet()))


@pytest.mark.parametrize(
    ("kind", "section", "message"),
    [
        ("anynet", {"STEM_TYPE": "simple_stem_in"}, "ANYNET.STEM_TYPE is 'simple_stem_in'; it"),
        ("anynet", {"SE_ON": True}, "ANYNET.SE_ON is true; NDS has no squeeze-and-excitation"),
        ("anynet", {"BLOCK_TYPE": "other_block"}, "ANYNET.BLOCK_TYPE is 'other_block'"),
        ("anynet", {"BOT_MULS": []}, "bms has 0 entries; it should have 3"),
        ("anynet", {"STRIDES": [1, 2, 3]}, r"ss\[2\] is 3; it should be a whole number"),
        ("anynet", {"GROUP_WS": [8, 5, 16]}, r"gws\[1\] is 5 and does not divide 12"),
        ("effnet", {}, "MODEL.TYPE is 'effnet'; it should be one of anynet, regnet"),
        ("regnet", {}, "REGNET.STEM_TYPE is 'simple_stem_in'"),
        ("regnet", {"STEM_TYPE": "res_stem_cifar", "W0": 20}, "W0 should be a multiple of 8"),
        ("regnet", {"STEM_TYPE": "res_stem_cifar", "WA": -1.0}, "REGNET.WA is -1.0"),
    ],
)
def test_other_networks_of_pycls_are_refused_with_one_message(configured, kind, section, message):
    whole = STAGES | BOTTLENECKS | {"BLOCK_TYPE": "res_bottleneck_block"}
    config = configured(kind, **(whole if kind == "anynet" else {}) | section)
    with pytest.raises(NaswotError, match=f"the pycls configuration.*{message}"):
        from_pycls(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "MODEL.TYPE is ''"),
        ({"MODEL": 3}, "has no section MODEL"),
        # It might change the network, so it is not left out in silence.
        (
            {"MODEL": {"TYPE": "anynet", "ACTIVATION_FUN": "silu"}},
            "MODEL.ACTIVATION_FUN is not known",
        ),
        ({"MODEL": {"TYPE": "regnet"}, "REGNET": {"STRIDES": 1}}, "REGNET.STRIDES is not known"),
        ({"MODEL": {"TYPE": "anynet"}, "ANYNET": []}, "has no section ANYNET"),
        ({"MODEL": {"TYPE": "anynet"}, "ANYNET": STAGES | {"DEPTHS": 2}}, "ANYNET.DEPTHS is 2"),
    ],
)
def test_a_mapping_that_is_no_configuration_is_refused(config, message):
    with pytest.raises(NaswotError, match=message):
        from_pycls(json.loads(json.dumps(config)))


def test_a_network_of_pycls_scores_like_any_other_network():
    torch.manual_seed(0)
    images = torch.randn(8, 3, 32, 32)
    shape = {"stem_type": "res_stem_cifar", "stem_w": 16, "se_r": None, "ss": [1, 2, 2], "nc": 10}
    shape |= {"ds": [1, 1, 1], "ws": [16, 24, 64], "bms": [], "gws": []}
    blocks = {"resnet": "res_basic_block", "vanilla": "vanilla_block"}
    networks = {name: AnyNet(**shape, block_type=block) for name, block in blocks.items()}
    table = naswot.rank(networks, images, scores=["naswot", "params"]).set_index("network")
    for name, network in networks.items():
        assert np.isfinite(table.loc[name, "naswot"])
        assert table.loc[name, "params"] == sum(w.numel() for w in network.parameters())
    assert table.loc["resnet", "naswot"] == naswot.score(networks["resnet"], images).value
