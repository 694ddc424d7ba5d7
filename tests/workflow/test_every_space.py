"""Tables of accuracies come from a mirror, from archives, and from a user; every space runs."""

import json
import shutil
import zipfile

import pandas as pd
import pytest
import yaml

from naswot.analysis.tables import accuracies, columns
from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.table import accuracy_keys
from naswot.io.parquet import read_parquet

REPORTED = DATASETS["nasbench201"]

pytestmark = pytest.mark.slow


def test_the_mirror_takes_the_place_of_the_package(fresh, mirror):
    workdir = fresh()
    images = {"cifar10": "cifar10", "cifar100": "noise", "imagenet16_120": "imagenet16"}
    run = workdir.run(
        "results/table2.csv",
        "results/kendall_tau.csv",
        "--config",
        f"mirror={mirror.resolve()}",
        f"images={json.dumps(images)}",
    )
    assert run.code == 0, run.text
    table = pd.read_csv(workdir.path / "results/table2.csv")
    naswot = table[(table["source"] == "measured") & table["method"].str.startswith("NASWOT")]
    assert naswot[[f"{accuracy}_mean" for accuracy in accuracies(REPORTED)]].notna().all(axis=None)
    assert naswot["note"].str.contains("cifar10, imagenet16, noise").all()
    taus = pd.read_csv(workdir.path / "results/kendall_tau.csv")
    mirrored = read_parquet(mirror / "nasbench201.parquet")
    assert sorted(taus["accuracy"]) == sorted(accuracy_keys(mirrored))
    assert taus.set_index("accuracy").loc["cifar10/ori-test/200", "images"] == "cifar10"


def test_fetched_files_serve_as_a_mirror(fresh, complete):
    workdir = fresh()
    sources = workdir.path / "results" / "sources"
    sources.mkdir(parents=True)
    table = complete.path / "results/benchmarks/nasbench201.parquet"
    (sources / table.name).write_bytes(table.read_bytes())
    run = workdir.run(
        "results/benchmarks/nasbench201.parquet", "--config", "mirror=results/sources/"
    )
    assert run.code == 0, run.text
    assert run.finished == ["convert_benchmark"]


def test_a_fetched_archive_is_read_without_unpacking(fresh, mirror):
    workdir = fresh()
    networks = json.loads((mirror / "official_format/nds/nds_list_synthetic.json").read_text())
    with zipfile.ZipFile(workdir.path / "nds_data.zip", "w") as archive:
        archive.writestr("nds_data/DARTS.json", json.dumps(networks[:8]))
    for target, source in (
        ("results/sources/nds_data.zip", "."),
        ("results/benchmarks/nds_darts.parquet", "results/sources"),
    ):
        run = workdir.run(target, "--config", f"mirror={source}", "spaces=[nds_darts]", "sample=8")
        assert run.code == 0, run.text
    assert "nds_data.zip: already there" in run.text
    assert len(pd.read_parquet(workdir.path / target)) == 8


def test_every_space_of_the_mirror_runs(fresh, mirror):
    """Networks, tables and figures of all spaces that there is data of; the others are named."""
    workdir = fresh()
    config = yaml.safe_load((workdir.path / "config/ci.yaml").read_text())
    del config["methods"]  # all
    config |= {
        "spaces": [
            "nasbench201",
            "natsbench_sss",
            "nasbench101",
            "nasbench301",
            "nds_darts",
            "transnas_micro",
        ],
        "datasets": ["cifar10", "cifar100", "imagenet16_120", "normal"],
        "skip_missing": True,
        "sample": 8,
        "images": "noise",
        "batch_size": 8,
        "n_runs": 10,
        "sample_sizes": {"naswot": [4], "optimal": [4]},
        "bootstrap_resamples": 10,
        "mirror": str(mirror.resolve()),
    }
    (workdir.path / "all.yaml").write_text(yaml.safe_dump(config))
    run = workdir.run(config="all.yaml")
    assert run.code == 0, run.text
    taus = pd.read_csv(workdir.path / "results/kendall_tau.csv").set_index("space")
    assert set(taus.index) == {
        "nasbench201", "natsbench_sss", "nasbench101", "nasbench301", "nds_darts",
        "transnas_micro",
    }  # fmt: skip
    ssim = {f"normal/best-{split}-ssim/30" for split in ("valid", "test")}
    assert set(taus.at["transnas_micro", "accuracy"]) == ssim
    assert taus.at["nds_darts", "note"].startswith("left out: mirror = ")
    table2 = pd.read_csv(workdir.path / "results/table2.csv")
    measured = table2[table2["source"] == "measured"]
    assert set(measured["benchmark"]) == {"nasbench201", "natsbench_sss"}
    table1 = pd.read_csv(workdir.path / "results/table1.csv")
    assert list(table1.columns) == columns(["cifar10"])
    shown = table1["cifar10_test_mean"].notna() | table1["note"].str.contains("not run")
    assert shown.all()
    assert (
        table1["source"].eq("measured").sum() == 5 + 9
    )  # NASWOT; Random and Optimal in two pools; all others
    scatters = ("scatter/nasbench301/cifar10", "scatter/transnas_micro/normal")
    for figure in (*scatters, "figure1", "figure3", "figure9"):
        assert (workdir.path / f"results/figures/{figure}.pdf").exists()


def test_the_paper_in_full_can_be_planned(fresh, mirror):
    workdir = fresh()
    settings = [f"mirror={mirror.resolve()}", "skip_missing=true"]
    run = workdir.run("-n", "--config", *settings, config="config/paper.yaml")
    assert run.code == 0, run.text
    assert "table1" in run.text


def test_the_example_of_a_custom_space_runs_and_edits_count(fresh, root):
    workdir = fresh()
    shutil.copytree(root / "examples", workdir.path / "examples")
    (workdir.path / "custom.yaml").write_text(
        (root / "config/ci.yaml").read_text()
        + (root / "examples/custom_space/config.yaml").read_text()
    )
    run = workdir.run(config="custom.yaml")
    assert run.code == 0, run.text
    taus = pd.read_csv(workdir.path / "results/kendall_tau.csv")
    assert set(taus["accuracy"]) == {"photographs/test/10"}
    assert (taus["n"] > 20).all()
    assert (workdir.path / "results/figures/scatter/plain/custom.png").exists()
    csv = workdir.path / "examples/custom_space/accuracies.csv"
    csv.write_text(csv.read_text().replace("photographs/test/10", "photographs/test/11"))
    again = workdir.run(config="custom.yaml")
    assert again.code == 0, again.text
    assert "score_networks" not in again.finished
    assert {"convert_benchmark", "join_accuracies", "correlate_scores"} <= set(again.finished)
    workdir.edit("examples/custom_space/space.py", "\n# changed\n")
    joined = "results/joined/plain/photos/naswot/0.parquet"
    assert "score_networks" in workdir.run(joined, config="custom.yaml").finished
    header, *rows = csv.read_text().splitlines()
    before = read_parquet(workdir.path / joined)
    csv.write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert workdir.run(joined, config="custom.yaml").code == 0
    after = read_parquet(workdir.path / joined)
    known = pd.read_csv(csv).set_index("arch")["photographs/test/11"]
    assert len(before) == len(after)
    assert (after["photographs/test/11"] == known[after["arch"]].to_numpy()).all()
