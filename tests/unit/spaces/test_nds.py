"""The networks of NDS: their strings, their parameters, their layers, their scores."""

import json
import subprocess
import sys
from types import SimpleNamespace

import golden
import pandas as pd
import pytest
import torch
from architectures import basics, bottlenecks, cells
from hypothesis import given
from hypothesis import strategies as st

from naswot.errors import NaswotError
from naswot.scores.naswot import score
from naswot.spaces import nds
from naswot.spaces.nds.genotypes import OPERATIONS, SEARCHSPACES, SPACES_NDS
from naswot.spaces.nds.operations import operation

RECORDED_SPACES = {
    "Amoeba": "nds_amoeba",
    "ResNet": "nds_resnet",
    "ResNeXt-A": "nds_resnext-a",
    "Vanilla": "nds_vanilla",
}


EXAMPLES = (cells(), cells("PNAS_in"), bottlenecks(), basics(), basics("vanilla_block"))


def nds_rows(shared) -> pd.DataFrame:
    table = pd.read_csv(shared / "golden" / "golden.csv")
    return table[table["space"].isin(SPACES_NDS)]


# --- architecture strings ----------------------------------------------------------------------


def test_names_of_the_spaces():
    assert len(SPACES_NDS) == len(set(SPACES_NDS)) == 17
    assert SEARCHSPACES["nds_darts_fix-w-d"] == "DARTS_fix-w-d"
    assert {"nds_enas_in", "nds_resnext-b", "nds_vanilla"} < set(SPACES_NDS)


def test_planning_needs_no_torch(root):
    code = (
        "import sys; from naswot.spaces import nds; "
        f"nds.canonical({json.dumps(cells())!r}); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


@pytest.mark.parametrize("described", EXAMPLES)
def test_one_form_for_one_network(described):
    form = nds.canonical(json.dumps(described))
    assert " " not in form
    assert json.loads(form) == described
    backwards = json.dumps(dict(reversed(described.items())), indent=1)
    assert nds.canonical(backwards) == nds.canonical(form) == form


def test_whole_numbers_among_the_multipliers_are_floats():
    assert '"bms":[1.0,0.25]' in nds.canonical(json.dumps(bottlenecks(bms=[1, 0.25])))


def test_the_space_of_an_architecture_is_checked():
    arch = json.dumps(cells("ENAS"))
    assert nds.canonical(arch, "nds_enas") == nds.canonical(arch)
    with pytest.raises(NaswotError, match="not an architecture of nds_enas_in"):
        nds.canonical(arch, "nds_enas_in")
    both = json.dumps(bottlenecks())
    assert nds.canonical(both, "nds_resnext-a") == nds.canonical(both, "nds_resnext-b")
    with pytest.raises(NaswotError, match="not an architecture of nds_vanilla"):
        nds.canonical(both, "nds_vanilla")


def test_reference_strings_are_in_the_one_form(shared):
    for _, row in nds_rows(shared).iterrows():
        assert nds.canonical(row["arch"], row["space"]) == row["arch"]


def genotype(**changes) -> dict:
    return cells(genotype=cells()["net"]["genotype"] | changes)


@pytest.mark.parametrize(
    ("described", "part"),
    [
        ([], "it is []; it should be an object with the keys searchspace, net"),
        ({}, "it has no key 'searchspace'"),
        (cells() | {"nett": 1}, "it has a key 'nett'"),
        (cells("DART"), "searchspace is 'DART'; it should be one of Amoeba, DARTS"),
        (cells(width="16"), "net.width is '16'; it should be a whole number from 1"),
        (cells(width=True), "net.width is True"),
        (cells(width=10**9), "net.width is 1000000000"),
        (cells("DARTS_in", width=5), "net.width is 5; it should be even"),
        (cells(depth=0), "net.depth is 0"),
        (cells(aux=1), "net.aux is 1; it should be true or false"),
        (cells(drop_prob=float("nan")), "net.drop_prob is nan"),
        (cells(genotype=None), "net.genotype is None"),
        (genotype(normal=[]), "net.genotype.normal has 0 pairs"),
        (genotype(reduce=[["none", 0]]), "net.genotype.reduce has 1 pairs"),
        (genotype(reduce=["ab", "cd"]), "net.genotype.reduce[0] is 'ab'"),
        (genotype(reduce=[["none", 0], ["none"]]), "net.genotype.reduce[1] has 1 entries"),
        (genotype(normal=[["none", 0], ["sep", 1]]), "net.genotype.normal[1][0] is 'sep'"),
        (genotype(normal=[["none", 0], ["none", 2]]), "net.genotype.normal[1][1] is 2"),
        (genotype(normal_concat=[3]), "net.genotype.normal_concat[0] is 3"),
        (genotype(reduce_concat=[2, 2]), "net.genotype.reduce_concat is [2, 2]"),
        (genotype(reduce_concat=[]), "net.genotype.reduce_concat is []"),
        (bottlenecks(stem_type="stem"), "stem_type is 'stem'"),
        (bottlenecks(se_r=0.25), "se_r is 0.25; it should be null"),
        (bottlenecks(block_type="block"), "block_type is 'block'"),
        (bottlenecks(block_type="vanilla_block"), "bms has 2 entries; it should have 0"),
        (bottlenecks(ds=[]), "ds is []"),
        (bottlenecks(ws=[16]), "ws has 1 entries; it should have 2"),
        (bottlenecks(ss=[1, 3]), "ss[1] is 3"),
        (bottlenecks(gws=[3, 2]), "gws[0] is 3 and does not divide 8"),
        (bottlenecks(bms=[0.0, 0.25]), "bms[0] is 0.0; it should be enough to leave a channel"),
        ({"block_type": "vanilla_block"}, "it has no key 'stem_type'"),
    ],
)
def test_the_offending_part_is_named(described, part):
    with pytest.raises(NaswotError) as caught:
        nds.build(json.dumps(described))
    assert f"is not an NDS architecture: {part}" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "1" * 10_000, "|none~0|"])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(NaswotError, match="it is not JSON") as caught:
        nds.canonical(text)
    assert len(str(caught.value)) < 500


texts = st.text("abnrstw_0135x", max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_a_changed_architecture_is_read_or_refused(data):
    described = json.loads(json.dumps(data.draw(st.sampled_from(EXAMPLES))))
    holder = described
    while True:
        keys = range(len(holder)) if isinstance(holder, list) else sorted(holder)
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], list | dict) or not holder[key] or data.draw(st.booleans()):
            break
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[key] = data.draw(json_values)
    else:
        del holder[key]
    try:
        form = nds.canonical(json.dumps(described))
    except NaswotError:
        return
    assert nds.canonical(form) == form


# --- records and parameters --------------------------------------------------------------------


def test_params_of_real_records(shared):
    """Four published counts; ResNeXt-A's 83,002 needs `num_gs` to be the number of groups."""
    path = shared / "data" / "official_format" / "nds" / "nds_real_examples.json"
    for record in json.loads(path.read_text())["records"]:
        arch = nds.from_record(RECORDED_SPACES[record["sweep"]], record["net"])
        assert nds.benchmark_params(arch) == record["params"]


@pytest.mark.parametrize(
    ("file", "space"),
    [
        ("nds_list_synthetic", "nds_darts"),
        ("nds_top_mid_synthetic", "nds_darts_in"),
        ("nds_anynet_list_synthetic", None),
    ],
)
def test_params_of_records_in_file_form(shared, file, space):
    path = shared / "data" / "official_format" / "nds" / f"{file}.json"
    records = json.loads(path.read_text())
    by_block = {"double_plain_block": "nds_vanilla", "res_basic_block": "nds_resnet"}
    for record in records if isinstance(records, list) else records["top"] + records["mid"]:
        net = record["net"]
        arch = nds.from_record(space or by_block.get(net["block_type"], "nds_resnext-b"), net)
        assert nds.benchmark_params(arch) == record["params"]


def record_net(**changes) -> dict:
    net = {"block_type": "res_bottleneck_block", "ds": [1, 2], "ws": [16, 32], "ss": [1, 1]}
    return net | {"bot_muls": [0.0, 0.5], "num_gs": [1, 4]} | changes


def test_a_record_starts_with_the_stem_and_gives_numbers_of_groups():
    described = json.loads(nds.from_record("nds_resnext-a", record_net()))
    assert described == bottlenecks(ds=[2], ws=[32], ss=[1], bms=[0.5], gws=[4])


@pytest.mark.parametrize(
    ("space", "net", "part"),
    [
        ("nds_resnets", record_net(), "no NDS space 'nds_resnets'"),
        ("nds_resnet", record_net(), "not an architecture of nds_resnet"),
        ("nds_darts", record_net(), "net has no key 'width'"),
        ("nds_darts", None, "net is None"),
        ("nds_resnext-a", record_net(ds=3), "net.ds is 3; it should be a list"),
        ("nds_resnext-a", record_net(ds=[2, 2]), "entry 0"),
        ("nds_resnext-a", record_net(num_gs=[1]), "net.num_gs has 1 entries"),
        ("nds_resnext-a", record_net(num_gs=[1, 5]), "net.num_gs[1] is 5 and does not divide 16"),
        ("nds_resnext-a", record_net(num_gs=[1, 0]), "net.num_gs[1] is 0"),
        ("nds_resnext-a", record_net(ws=[16, "32"]), "ws[1] is '32'"),
    ],
)
def test_the_offending_part_of_a_record_is_named(space, net, part):
    with pytest.raises(NaswotError) as caught:
        nds.from_record(space, net)
    assert part in str(caught.value)


def test_the_auxiliary_head_has_parameters_but_does_not_score():
    without, with_head = json.dumps(cells()), json.dumps(cells(aux=True))
    assert nds.benchmark_params(with_head) > nds.benchmark_params(without)
    names = [set(nds.build(arch).state_dict()) for arch in (without, with_head)]
    assert names[0] == names[1]


# --- networks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("stride", [1, 2])
def test_shapes_of_operations(name, stride):
    for size in (1, 2, 7, 8):
        x = torch.randn(2, 4, size, size)
        expected = (2, 4, -(-size // stride), -(-size // stride))
        assert operation(name, channels=4, stride=stride)(x).shape == expected


@pytest.mark.parametrize("searchspace", ["NASNet", "NASNet_in"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_network_of_all_operations(noise, searchspace, depth):
    arch = json.dumps(cells(searchspace, OPERATIONS, depth=depth))
    assert nds.build(arch, 7)(noise(2, 32)).shape == (2, 7)


@pytest.mark.parametrize("described", [bottlenecks(), basics(), basics("vanilla_block")])
def test_shapes_of_networks_without_cells(noise, described):
    assert nds.build(json.dumps(described), 7)(noise(2, 16)).shape == (2, 7)


def test_factorized_reduction_looks_at_both_diagonals():
    reduction = operation("skip_connect", channels=2, stride=2).eval()
    torch.nn.init.ones_(reduction.conv_1.weight)
    torch.nn.init.ones_(reduction.conv_2.weight)
    x = torch.zeros(1, 2, 3, 3)
    x[0, 0] = torch.arange(1.0, 10.0).reshape(3, 3)
    found = reduction(x)[0] * (1 + reduction.bn.eps) ** 0.5
    torch.testing.assert_close(found[0], torch.tensor([[1.0, 3.0], [7.0, 9.0]]))
    torch.testing.assert_close(found[1], torch.tensor([[5.0, 0.0], [0.0, 0.0]]))


@pytest.mark.parametrize("described", EXAMPLES)
def test_one_seed_draws_the_same_weights(described):
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(nds.build(json.dumps(described)).state_dict())
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[0])


def test_what_is_counted_twice_as_published(noise):
    """Two blocks before each of four cells, less the factorised ones after the two reductions."""
    arch = json.dumps(cells(depth=4))
    counts = [
        score(lambda: nds.build(arch), noise(4, 16), relu_count=kind).relu_modules
        for kind in ("once", "as-published")
    ]
    assert counts[1] - counts[0] == 2 * 4 - 2


def compare(shared, number, kind, seeds=None) -> golden.Deviation:
    rows = nds_rows(shared)
    row = rows[rows["row"] == number].iloc[0]
    space = SimpleNamespace(build=nds.build, benchmark_params=nds.benchmark_params)
    images = golden.load_images(shared / "golden" / "golden.csv", row["images"])
    return golden.compare(row, space, images, kind, seeds or row["seeds"])


# An ImageNet network, cells that leave some of their inputs unused, and a ResNeXt.
@pytest.mark.parametrize(
    ("number", "kind"), [(202, "once"), (202, "as-published"), (183, "once"), (223, "as-published")]
)
def test_counts_are_those_of_the_authors_code(shared, number, kind):
    assert compare(shared, number, kind, seeds=1).passed


@pytest.mark.slow
@pytest.mark.parametrize("number", [183, 198, 202, 205, 221, 222, 223])
@pytest.mark.parametrize("kind", golden.KINDS)
def test_scores_are_those_of_the_authors_code(shared, number, kind):
    found = compare(shared, number, kind)
    assert found.counts_equal
    assert abs(found.difference) < 0.01
