"""NDS's JSON files, in both of their shapes."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

from naswot.benchmarks import nds
from naswot.benchmarks.convert import describe
from naswot.errors import NaswotError
from naswot.io.parquet import read_parquet, write_parquet


@pytest.fixture(scope="module")
def official(mirror):
    return mirror / "official_format" / "nds"


def compact(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))


def test_a_list_of_cell_networks(official):
    path = official / "nds_list_synthetic.json"
    table = nds.read(path, "nds_darts")
    networks = json.loads(path.read_text())
    assert list(table["index"]) == list(range(12))
    for network, row in zip(networks, table.to_dict("records"), strict=True):
        arch = json.loads(row["arch"])
        assert arch == {"searchspace": "DARTS", "net": network["net"]}
        assert list(arch["net"]) == ["width", "depth", "aux", "drop_prob", "genotype"]
        assert row["params"] == network["params"]
        assert row["flops"] == network["flops"]
        assert row["train-seconds-per-iteration"] == network["iter_time"]
        assert row["cifar10/test/10"] == 100 - network["test_ep_top1"][-1]
        assert row["cifar10/test/10/best"] == 100 - network["min_test_top1"]
        curve = row["cifar10/test/10/per-epoch"]
        np.testing.assert_array_equal(curve, 100 - np.array(network["test_ep_top1"]))
    assert describe(table) == "12 architectures; best: cifar10/test/10 94.48"


def test_top_and_mid_of_imagenet(official):
    path = official / "nds_top_mid_synthetic.json"
    table = nds.read(path, "DARTS_in")
    assert list(table["part"]) == ["top"] * 6 + ["mid"] * 6
    mid = json.loads(path.read_text())["mid"][0]
    assert table.loc[6, "ImageNet/test/10"] == 100 - mid["test_ep_top1"][-1]
    assert json.loads(table.loc[6, "arch"])["searchspace"] == "DARTS_in"


def test_networks_of_stages(official):
    path = official / "nds_anynet_list_synthetic.json"
    table = nds.read(path, "ResNeXt-A")
    nets = [network["net"] for network in json.loads(path.read_text())]
    keys = ("block_type", "ds", "ws", "ss", "bot_muls", "num_gs")
    assert list(table["arch"]) == [compact({key: net[key] for key in keys}) for net in nets]


def test_architectures_are_written_as_the_reference_values_are(official, shared, tmp_path):
    with (shared / "golden" / "golden.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if '"searchspace"' in row["arch"]]
    assert len(rows) > 15
    for row in rows:
        net = dict(reversed(json.loads(row["arch"])["net"].items()))
        path = write(tmp_path, [network(net)])
        assert nds.read(path, row["space"]).loc[0, "arch"] == row["arch"]


def test_a_table_survives_a_file(official, tmp_path):
    table = nds.read(official / "nds_top_mid_synthetic.json", "DARTS_in")
    write_parquet(table, tmp_path / "nds.parquet", {})
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "nds.parquet"), table)


STAGES = {"ds": [1, 1], "ws": [16, 16], "ss": [1, 1]}


def network(net, errors=(50.0, 20.0, 30.0), **others) -> dict:
    return {"net": net, "test_ep_top1": list(errors), "min_test_top1": min(errors)} | others


def write(folder, content):
    (folder / "odd.json").write_text(json.dumps(content))
    return folder / "odd.json"


def test_the_last_epoch_counts_and_shorter_trainings_stand_apart(tmp_path):
    path = write(tmp_path, [network(STAGES), network(STAGES, errors=[90.0, float("nan")])])
    table = nds.read(path, "Vanilla")
    assert table["cifar10/test/3"].tolist()[0] == 70
    assert table["cifar10/test/3/best"].tolist()[0] == 80
    assert table["cifar10/test/3/per-epoch"].map(type).tolist() == [np.ndarray, type(None)]
    assert np.isnan(table.loc[1, "cifar10/test/2"])
    assert table["params"].isna().all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"top": []}, "neither a list of networks nor a dictionary"),
        ([], "neither a list of networks nor a dictionary"),
        (3, "neither a list of networks nor a dictionary"),
        ([5], "network 0 is not one of Vanilla"),
        ([network(STAGES), network({"ds": [1]})], "network 1 .* its 'net' has no 'ws'"),
        ([network(STAGES, errors=[101.0])], "one percentage per epoch"),
        ([network(STAGES, test_ep_top1=[])], "one percentage per epoch"),
        ([network(STAGES, test_ep_top1="low")], "network 0"),
        ([network(STAGES, params="many")], "network 0"),
        ([{"net": STAGES}], "KeyError: 'test_ep_top1'"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, message):
    with pytest.raises(NaswotError, match=message) as caught:
        nds.read(write(tmp_path, content), "Vanilla")
    assert "odd.json" in str(caught.value)


def test_a_file_of_another_space_is_refused(tmp_path):
    with pytest.raises(NaswotError, match=r"network 0 is not one of DARTS \(KeyError: 'genotype'"):
        nds.read(write(tmp_path, [network(STAGES)]), "DARTS")
    with pytest.raises(NaswotError, match="no NDS design space 'cats'; there are: Amoeba"):
        nds.read(tmp_path / "odd.json", "cats")
    with pytest.raises(NaswotError, match=r"none\.json does not exist"):
        nds.read(tmp_path / "none.json", "DARTS")
    (tmp_path / "odd.json").write_text('[{"net": ')
    with pytest.raises(NaswotError, match=r"odd\.json is not JSON"):
        nds.read(tmp_path / "odd.json", "DARTS")


def test_names_of_design_spaces():
    assert nds.official_name("nds_resnext-b_in") == "ResNeXt-B_in"
    assert nds.official_name("nds_enas_fix-w-d") == "ENAS_fix-w-d"
    assert nds.official_name("Amoeba") == "Amoeba"
