"""Tables of DARTS cells: genotypes become networks whose width and depth are stated."""

import json
import runpy
import sys

import miniatures
import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.darts import SIZES
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.spaces import nds

TRAINED = {
    "darts_trained_200": ["cifar10/valid/200"],
    "darts_trained_600": ["cifar10/test/600", "cifar10/test/best-of-600"],
}


def genotypes(count: int = 12) -> list[str]:
    """Return genotypes that differ in one operation; some have `none`."""
    found = []
    for number in range(count):
        genotype = miniatures.genotype()
        edges = [list(edge) for edge in genotype["normal"]]
        edges[number % 4][0] = ("none", "dil_conv_3x3", "sep_conv_5x5")[number // 4]
        found.append(json.dumps(genotype | {"normal": edges}))
    return found


def written(folder, space, **columns):
    """Write a made-up table of a space as a mirror's file."""
    texts = genotypes()
    accuracies = {name: np.linspace(50, 90, len(texts)) for name in TRAINED[space]}
    table = {"index": range(len(texts)), "genotype": texts, **accuracies, **columns}
    write_parquet(pd.DataFrame(table), folder / f"{space}.parquet", {})
    return folder / f"{space}.parquet"


@pytest.mark.parametrize("space", TRAINED)
def test_the_size_of_the_networks_is_stated(space, tmp_path):
    written(tmp_path, space)
    convert_benchmark(BUILT_IN[space], tmp_path, tmp_path / "table.parquet")
    table = read_parquet(tmp_path / "table.parquet")
    nets = [json.loads(arch)["net"] for arch in table["arch"]]
    assert {(net["width"], net["depth"]) for net in nets} == {SIZES[space]}
    width, depth = SIZES[space]
    source = read_metadata(tmp_path / "table.parquet")["source"]
    assert f"scored with width {width} and depth {depth}" in source
    assert [net["genotype"]["normal"] for net in nets] == [
        json.loads(text)["normal"] for text in genotypes()
    ]
    assert "params" not in table  # those of the trained networks are not published
    # The table that was made can be read again under the same name.
    (source,) = BUILT_IN[space].sources
    pd.testing.assert_frame_equal(source.read(tmp_path / "table.parquet"), table)


def test_a_file_may_state_the_size_itself(tmp_path):
    path = written(tmp_path, "darts_trained_200", width=16, depth=[5, 8] * 6)
    (source,) = BUILT_IN["darts_trained_200"].sources
    sizes = [json.loads(arch)["net"] for arch in source.read(path)["arch"]]
    assert [(net["width"], net["depth"]) for net in sizes] == [(16, 5), (16, 8)] * 6
    path = written(tmp_path, "darts_trained_200", depth=[5.5] * 12)
    with pytest.raises(NaswotError, match=r"200\.parquet, row 0: .*net\.depth is 5\.5"):
        source.read(path)


def test_published_cells_are_read(mirror, tmp_path):
    found = {}
    for space in TRAINED:
        convert_benchmark(BUILT_IN[space], mirror, tmp_path / f"{space}.parquet")
        found[space] = read_parquet(tmp_path / f"{space}.parquet")
    few, many = found["darts_trained_600"], found["darts_trained_200"]
    assert (len(many), len(few)) == (1000, 214)
    assert (few["cifar10/test/600/best"] >= few["cifar10/test/600"]).all()
    assert many["cifar10/valid/200"].max() == pytest.approx(86.61)
    networks = [nds.parse(arch) for arch in many["arch"]]
    assert all(network.normal == network.reduce for network in networks)
    without = ["none" not in dict(network.normal.edges) for network in networks]
    assert sum(without) == 356
    assert not any('"none"' in arch for arch in few["arch"])


def test_a_cell_without_anything_on_a_node_is_built(noise):
    text = json.loads(genotypes(1)[0])
    text["normal"] = [["none", 0], ["none", 1], *text["normal"][2:]]
    net = {"width": 4, "depth": 4, "aux": False, "drop_prob": 0.0, "genotype": text}
    assert nds.build(nds.from_record("nds_darts", net), 3)(noise(2, 16)).shape == (2, 3)


def test_the_tool_compares_sizes_on_the_same_cells(root, tmp_path, monkeypatch, capsys):
    path = written(tmp_path, "darts_trained_200")
    arguments = ["--cells", "9", "--sizes", "4x3", "4x3", "8x4", "--scores", "params", "l2_norm"]
    arguments += ["--image-size", "8", "--batch-size", "4", "--resamples", "50"]
    arguments += ["--output", str(tmp_path / "scores.csv")]
    monkeypatch.setattr(sys, "argv", ["darts_sizes.py", str(path), *arguments])
    runpy.run_path(str(root / "tools/darts_sizes.py"), run_name="__main__")
    out = capsys.readouterr().out
    lines = [line.split(" | ") for line in out.splitlines() if line.startswith("| params")]
    assert "9 cells (0 without a score), cifar10/valid/200" in out
    assert [line[1:3] for line in lines] == [["4", "3"], ["4", "3"], ["8", "4"]]
    assert lines[0][3:5] == lines[1][3:5]
    assert lines[1][5] == "+0.000 (+0.000 to +0.000)"  # the same networks, the same resamples
    scores = pd.read_csv(tmp_path / "scores.csv")
    table = BUILT_IN["darts_trained_200"].sources[0].read(path)
    described = json.loads(table["arch"][scores["index"][3]])
    described["net"] |= {"width": 8, "depth": 4}
    params = sum(each.numel() for each in nds.build(json.dumps(described), 10).parameters())
    assert scores["params 8x4"][3] == params
