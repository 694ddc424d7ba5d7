"""What searches found is looked up in the benchmark table."""

import numpy as np
import pandas as pd
import pytest
import torch

from naswot.benchmarks.datasets import DATASETS
from naswot.errors import NaswotError
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.stages.look_up import look_up
from naswot.stages.share import SEEDED, split_halves, title_of
from naswot.supernet import METHODS
from naswot.supernet.protocol import PUBLISHED, changed, differences
from naswot.training.images import read_images

DATASET = DATASETS["nasbench201"]["cifar10"]


def searched(folder, architectures, protocol="published", method="gdas", **changes):
    """Write the files of searches that found these architectures; None: one that diverged."""
    plan = changed(PUBLISHED[method], changes)
    files = []
    for seed, arch in enumerate(architectures):
        about = {
            **vars(plan), "controller": {}, "space": "nasbench201", "method": method,
            "seed": seed, "architecture": arch, "seconds": 10.0 + seed, "images": "cifar10",
            "diverged": "" if arch else "diverged: train_loss is nan in epoch 3",
            "protocol": protocol, "differences": [*differences(method, plan), SEEDED],
            "title": METHODS[method].title,
        }  # fmt: skip
        files.append(folder / f"{seed}.parquet")
        write_parquet(pd.DataFrame({"epoch": [1]}), files[-1], about)
    return files


@pytest.fixture
def table(mirror):
    return mirror / "nasbench201.parquet"


def found(files, table, tmp_path, dataset="cifar10"):
    about = DATASETS["nasbench201"][dataset]
    look_up(files, table, tmp_path / "found.parquet", dataset=about, search="mine")
    return read_parquet(tmp_path / "found.parquet")


def test_darts_finds_skip_connections_and_has_the_accuracies_of_the_paper(table, tmp_path):
    skip = "|skip_connect~0|+|skip_connect~0|skip_connect~1|"
    skip += "+|skip_connect~0|skip_connect~1|skip_connect~2|"
    files = searched(tmp_path, [skip] * 3, method="darts_v1")
    printed = {
        "cifar10": (39.77, 54.30), "cifar100": (15.03, 15.61), "imagenet16_120": (16.43, 16.32),
    }  # fmt: skip
    for dataset, (valid, test) in printed.items():
        rows = found(files, table, tmp_path, dataset)
        assert rows["valid"].round(2).tolist() == [valid] * 3
        assert rows["test"].round(2).tolist() == [test] * 3
    assert read_metadata(tmp_path / "found.parquet")["title"] == "DARTS-V1"


def test_published_architectures_of_gdas_have_their_published_accuracies(table, tmp_path):
    archs = pd.read_parquet(table, columns=["arch"])["arch"]
    rows = found(searched(tmp_path, archs[[3928, 138, 6168]]), table, tmp_path)
    assert rows["index"].tolist() == [3928, 138, 6168]
    assert rows["seed"].tolist() == [0, 1, 2]
    assert rows["search_seconds"].tolist() == [10, 11, 12]
    means = rows[["valid", "test"]].mean().round(2).tolist()
    assert means == [89.68, 93.23]
    assert rows[["valid", "test"]].std(ddof=0).round(2).tolist() == [0.72, 0.58]


def test_a_search_that_diverged_is_counted(table, tmp_path):
    arch = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"
    rows = found(searched(tmp_path, [arch, None]), table, tmp_path)
    assert rows["index"].tolist() == [6960, -1]
    assert np.isnan(rows["test"].iloc[1])
    assert read_metadata(tmp_path / "found.parquet")["note"] == "1 of 2 searches diverged"


def test_an_architecture_that_the_table_lacks_is_named(tmp_path):
    table = pd.DataFrame({"index": [0], "arch": ["a"], DATASET.valid: [50.0]})
    write_parquet(table, tmp_path / "table.parquet", {"space": "nasbench201"})
    with pytest.raises(NaswotError, match=r"table\.parquet has no architecture b: make it again"):
        found(searched(tmp_path, ["a", "b"]), tmp_path / "table.parquet", tmp_path)


@pytest.mark.parametrize(
    ("search", "protocol", "changes", "title"),
    [
        ("gdas", "published", {}, "GDAS"),
        ("gdas", "published", {"gates": False}, "GDAS (drawn gates only)"),
        ("gdas", "published", {"epochs": 3}, "GDAS (changed)"),
        ("long", "published", {"epochs": 900}, "GDAS (changed, long)"),
        ("long", "published", {"epochs": 3, "gates": False}, "GDAS (changed, drawn gates only)"),
        ("gdas", "reduced", {"cells": 1}, "GDAS (reduced)"),
        ("gdas", "reduced", {"running_statistics": False}, "GDAS (reduced)"),
    ],
)
def test_only_the_published_protocol_has_the_published_name(
    search, protocol, changes, title, tmp_path
):
    (file,) = searched(tmp_path, ["a"], protocol, **changes)
    about = read_metadata(file)
    assert title_of(search, about) == title
    about["differences"].append("images of digits instead of CIFAR-10")
    assert title_of("gdas", about) != "GDAS"


def test_too_many_images_are_refused_by_the_key_to_change(tmp_path):
    with pytest.raises(NaswotError, match=r"supernet: images = digits, half = 900, .* 1,198"):
        split_halves(
            tmp_path / "halves.npz", name="digits", half=900, directory=None, size=8, seed=0
        )


@pytest.mark.slow
def test_images_of_a_fixed_size_are_shrunk(mirror, tmp_path):
    options = {"name": "cifar10", "half": 20, "directory": mirror, "seed": 0}
    split_halves(tmp_path / "whole.npz", size=32, **options)
    split_halves(tmp_path / "small.npz", size=16, **options)
    whole, small = (
        read_images(tmp_path / f"{name}.npz", torch.device("cpu")) for name in ("whole", "small")
    )
    assert small.about["image_size"] == 16
    corner = whole.train.pixels[3, 4:6, 6:8].double().mean(dim=(0, 1))
    assert (small.train.pixels[3, 2, 3] - corner).abs().max() <= 0.5
    with pytest.raises(NaswotError, match="images of 32×32 pixels cannot become 12 pixels wide"):
        split_halves(tmp_path / "none.npz", size=12, **options)
