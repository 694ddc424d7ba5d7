"""Networks are trained, scored untrained, and their scores correlated and followed."""

import re

import pandas as pd
import pytest

from naswot.io.parquet import read_metadata, read_parquet

pytestmark = pytest.mark.slow

CONFIG = """
custom_spaces:
  sizes: {networks: natsbench_sss, train: 3}
spaces: [sizes]
sample: all
images: digits
figure6: {space: nasbench201, accuracy: cifar10-valid/x-valid/200, above: 85, networks: 2}
"""


def test_a_benchmark_is_made_by_training_and_the_score_is_followed(fresh, root):
    workdir = fresh()
    (workdir.path / "train.yaml").write_text((root / "config/ci.yaml").read_text() + CONFIG)
    run = workdir.run("results/index.html", "training", config="train.yaml")
    assert run.code == 0, run.text
    page = (workdir.path / "results/index.html").read_text()
    assert page.count("&lt;svg ") == 3  # each network is drawn, as one of the space that it is of
    times = pd.read_csv(workdir.path / "results/run_times.csv").set_index("stage")
    assert times.loc[["train_network", "collect_trained"], "jobs"].tolist() == [3, 1]
    assert run.finished.count("train_network") == 5
    results = workdir.path / "results"
    taus = pd.read_csv(results / "kendall_tau.csv")
    assert taus["accuracy"].tolist() == ["digits/valid/2", "digits/test/2"]
    assert (taus["n"] == 3).all()
    joined = read_parquet(results / "joined/sizes/digits/naswot/0.parquet")
    source = read_metadata(results / "benchmarks/sizes.parquet")["source"]
    assert source.startswith("trained here: 48 images of digits, 8 pixels wide, 2 epochs, seed 0")
    trained = [read_parquet(path) for path in (results / "training/sizes").rglob("*.parquet")]
    first = {one["index"][0]: one["score"][0] for one in trained}
    assert joined["score"].tolist() == [first[index] for index in joined["index"]]
    assert not list(results.rglob("*.checkpoint"))
    followed = read_parquet(results / "training/figure6.parquet")
    assert (followed["accuracy"] > 85).all()
    assert set(followed["network"]) == {0, 1}
    claims = pd.read_csv(results / "claims/figure6.csv")
    assert claims["found"].str.contains("48 images of digits, 8×8 pixels, 2 epochs").all()
    assert (results / "figures/figure6.pdf").read_bytes().startswith(b"%PDF")
    again = workdir.run("results/kendall_tau.csv", "training", config="train.yaml")
    assert again.finished == []
    more = CONFIG.replace("train: 3", "train: 4").replace("networks: 2", "networks: 3")
    (workdir.path / "train.yaml").write_text((root / "config/ci.yaml").read_text() + more)
    made = ["results/trained/sizes.parquet", "results/training/figure6.parquet"]
    made = ["results/trained/sizes.parquet", "results/training/figure6.parquet"]
    planned = workdir.run(*made, "--dry-run", config="train.yaml")
    assert planned.code == 0, planned.text
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", planned.text, re.M))
    assert jobs == {"train_network": "2", "collect_trained": "1", "track_score": "1", "total": "4"}
