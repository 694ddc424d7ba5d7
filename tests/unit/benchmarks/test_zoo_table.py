"""The accuracies of torchvision's classifiers as a benchmark table."""

import pandas as pd
import pytest

from naswot.analysis.correlation import correlate_scores
from naswot.benchmarks.catalogue import BUILT_IN
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.datasets import epochs_of
from naswot.benchmarks.table import accuracy_keys, reported_accuracy
from naswot.io.parquet import read_metadata, read_parquet, write_parquet
from naswot.spaces.zoo.published import LIMITS

SIMPLE, V1, V2 = (f"ImageNet/val/recipe-{name}" for name in ("simple", "v1", "v2"))


@pytest.fixture
def convert(tmp_path):
    def make(space, mirror=None):
        path = tmp_path / f"{space}.parquet"
        convert_benchmark(BUILT_IN[space], mirror, path)
        return path

    return make


@pytest.mark.parametrize("space", LIMITS)
def test_the_table_has_all_networks_of_the_space(convert, tmp_path, space):
    path = convert(space)
    table = read_parquet(path).set_index("arch")
    assert len(table) == BUILT_IN[space].space.size
    assert accuracy_keys(table) == [SIMPLE, V1, V2]
    assert list(table["params"]) == [BUILT_IN[space].space.benchmark_params(n) for n in table.index]
    # Only what was trained alike is reported; nothing is trained in two ways.
    assert table.loc[table["recipe"] == "simple", SIMPLE].equals(
        table.loc[table["recipe"] == "simple", V1]
    )
    assert table.loc[table["recipe"] != "simple", SIMPLE].isna().all()
    reported = reported_accuracy(path, BUILT_IN[space].datasets["imagenet"], "plotted")
    assert reported is not None
    assert reported.name == SIMPLE
    # It is there with a mirror, too, which has tables of other spaces.
    before = path.read_bytes()
    assert convert(space, tmp_path).read_bytes() == before
    assert read_metadata(path)["source_file"] == "networks.csv"


def test_the_table_has_the_published_accuracies(convert):
    table = read_parquet(convert("torchvision")).set_index("arch")
    # https://pytorch.org/vision/stable/models.html, "Table of all available classification weights"
    assert table.loc["resnet50", [SIMPLE, V1, V2]].tolist() == [76.13, 76.13, 80.858]
    assert table.at["convnext_tiny", V1] == 82.52
    assert table.at["mobilenet_v2", V2] == 72.154
    # Published with weights from more images than ImageNet's only.
    assert list(table.index[table[V1].isna()]) == ["regnet_y_128gf", "vit_h_14"]


def test_an_accuracy_may_name_a_recipe_in_place_of_epochs(convert, tmp_path, root):
    assert (epochs_of("cifar10/ori-test/200"), epochs_of(V1)) == (200, None)
    table = read_parquet(convert("torchvision_2g"))
    about = {"space": "torchvision_2g", "score": "params", "images": "photos"}
    joined = tmp_path / "joined.parquet"
    write_parquet(table.assign(score=table["params"]), joined, about)
    published = root / "resources/published_kendall_tau.csv"
    output = tmp_path / "kendall_tau.csv"
    correlate_scores([("imagenet", joined)], output, published=published, resamples=20, seed=0)
    rows = pd.read_csv(output).set_index("accuracy")
    assert rows["n"].to_dict() == {SIMPLE: 13, V1: 26, V2: 9}
    ranks = table[["params", V1]].rank()
    assert rows.at[V1, "tau"] == pytest.approx(ranks.corr("kendall").iloc[0, 1], abs=1e-4)
