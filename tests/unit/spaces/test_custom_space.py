"""A custom space is like any other, and its mistakes are named."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from naswot.benchmarks.catalogue import BUILT_IN, Entry
from naswot.benchmarks.convert import convert_benchmark
from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.sources import SOURCES
from naswot.errors import NaswotError
from naswot.io.npz import write_arrays
from naswot.io.parquet import read_parquet
from naswot.io.python_files import local_imports
from naswot.runtime.progress import Progress
from naswot.scores import FAMILIES
from naswot.scores.base import Batch, Options
from naswot.spaces import SPACES
from naswot.stages.join import join_accuracies
from naswot.stages.kernels import compute_kernels
from naswot.stages.sample import sample_architectures
from naswot.stages.score import score_architectures, score_networks
from naswot.tables.kernels import read_kernels
from naswot.workflow.custom_spaces import catalogue_of


def entry_of(about) -> Entry:
    return catalogue_of({"mine": about})["mine"]


def test_it_changes_nothing_that_is_built_in(custom):
    before = list(BUILT_IN)
    catalogue = catalogue_of({"mine": custom, "other": custom})
    assert list(catalogue) == [*before, "mine", "other"]
    assert list(BUILT_IN) == list(SPACES) == before
    assert catalogue["nasbench201"] is BUILT_IN["nasbench201"]
    for table in (SPACES, DATASETS, SOURCES, catalogue["mine"].datasets):
        with pytest.raises(TypeError, match="does not support item assignment"):
            table["x"] = None


def test_it_lists_builds_and_converts_its_architectures(custom, tmp_path):
    entry = entry_of(custom | {"title": "My space"})
    space = entry.space
    assert (space.title, space.size, space.architectures()) == ("My space", 2, ("wide", "narrow"))
    assert space.build("wide", 4)[-1].out_features == 4
    assert space.benchmark_params("narrow") == 49 * 3 + 4 * 10
    dataset = entry.datasets["custom"]
    assert (dataset.valid, dataset.test) == ("flowers/val/9", "flowers/test/9")
    assert "2 architectures" in convert_benchmark(entry, None, tmp_path / "table.parquet")
    table = read_parquet(tmp_path / "table.parquet")
    assert table["flowers/test/9"].tolist() == [71, 51]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("space.py", "def build(arch):\n    raise KeyError(arch)", r"build\('wide'\) failed"),
        ("space.py", "import no_such_module", r"space\.py cannot be imported .*no_such_module"),
        ("space.py", "raise SystemExit('usage')", r"space\.py cannot be imported \(SystemExit: us"),
        ("space.py", "def construct(): ...", r"space\.py has no function build"),
        ("space.py", "def build(arch):\n    return arch", "returned a str, not a torch.nn.Module"),
        ("mine.csv", "architecture\nwide\n", "needs a column 'arch'"),
        (
            "mine.csv",
            "index,arch,a/test/1\n5,wide,5\n",
            "does not count its rows from 0",
        ),
        ("mine.csv", "arch,accuracy\nwide,5\n", "no accuracy column of the form data/split/epochs"),
        ("mine.csv", "", "not a readable CSV file .it is empty"),
        ("mine.csv", "arch,a/test/1\nwide,70\n", "no column with two different accuracies"),
        ("mine.csv", "arch,a/test/1\nwide,\nslim,\n", "no column with two different accuracies"),
        ("mine.csv", "arch,a/test/1\nwide,7\nslim,7\n", "no column with two different accuracies"),
        (
            "mine.csv",
            "arch,a/test/1\nwide,70\nslim,73,5\n",
            r"row 2 has 3 fields and the first line 2; .* contains ',' in quotation marks",
        ),
        (
            "mine.csv",
            "arch,a/test/1\nwide,70\nslim,seventy\n",
            "column 'a/test/1' does not hold numbers: row 2 has 'seventy'",
        ),
        (
            "mine.csv",
            "arch;a/test/1\nwide;70,5\nslim;71.5\n",
            "column 'a/test/1' does not hold numbers: row 1 has '70,5'",
        ),
        (
            "mine.csv",
            "arch,params,a/test/1\nwide,1.2M,7\nslim,2,8\n",
            "column 'params' does not hold numbers: row 1 has '1.2M'",
        ),
        (
            "mine.csv",
            "arch,params,a/test/1\nwide,1234,7\nslim,1.5,8\n",
            "column 'params' does not hold whole numbers: row 2 has 1.5",
        ),
        (
            "mine.csv",
            'arch,params,a/test/1\nwide,"1,234",7\nslim,2,8\n',
            "row 1 has '1,234' in the column 'params'; write digits only",
        ),
        (
            "mine.csv",
            "arch;params;a/test/1\nwide;1,234;7\nslim;2;8\n",
            "row 1 has '1,234' in the column 'params'; write digits only",
        ),
    ],
)
def test_a_mistake_is_named(custom, tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(NaswotError, match=message):
        entry_of(custom).space.build("wide", 2)


def test_taken_names_and_missing_files_are_refused(custom):
    with pytest.raises(NaswotError, match="there is a space of this name"):
        catalogue_of({"nasbench201": custom})
    with pytest.raises(
        NaswotError, match=r"custom_spaces\.mine\.networks = 'none\.py'.*no such file"
    ):
        entry_of(custom | {"networks": "none.py"})


def test_a_build_function_without_classes_and_with_late_imports_will_do(custom, tmp_path):
    (tmp_path / "space.py").write_text(
        "def build(arch, width=5):\n    from late import Linear\n    return Linear(3, width)\n"
    )
    (tmp_path / "late.py").write_text("from torch.nn import Linear")
    assert entry_of(custom).space.build("wide", 7).out_features == 5


@pytest.mark.parametrize(
    "content",
    [
        "arch,params,a/test/1\nx y,510,70.5\nslim,160,51\n",
        "arch;params;a/test/1\nx y;510;70.5\nslim;160;51\n",
        "arch;params;a/test/1\nx y;510;70,5\nslim;160;51,0\n",
        "arch\tparams\ta/test/1\nx y\t510\t70,5\nslim\t160\t51\n",
        "arch,params,a/test/1\nx y,510,70.5,\nslim,160,51,\n",
        "arch,params,a/test/1,\r\nx y,510,70.5,\r\nslim,160,51,\r\n",
        "arch, params , a/test/1\n x y, 510, 70.5\nslim ,160,51\n",
        '\ufeff"arch", "params", "a/test/1"\n"x y", 510, 70.5\n\nslim,160,51\n,,\n',
    ],
)
def test_tables_of_spreadsheets_are_read(custom, tmp_path, content):
    (tmp_path / "mine.csv").write_text(content, encoding="utf-8")
    table = entry_of(custom).sources[0].read(tmp_path / "mine.csv")
    assert table.to_dict("list") == {
        "arch": ["x y", "slim"],
        "params": [510, 160],
        "a/test/1": [70.5, 51],
        "index": [0, 1],
    }


def test_a_column_that_scoring_adds_is_refused(custom, tmp_path):
    (tmp_path / "mine.csv").write_text("arch,seconds,a/test/1\nwide,3,5\nslim,2,4\n")
    with pytest.raises(NaswotError, match=r"mine\.csv: rename the column 'seconds'"):
        convert_benchmark(entry_of(custom), None, tmp_path / "table.parquet")


def test_a_compressed_table_is_to_be_unpacked_first(custom, tmp_path):
    (tmp_path / "mine.csv.gz").write_bytes(b"\x1f\x8b")
    with pytest.raises(NaswotError, match=r"mine\.csv\.gz.*unpack it first"):
        entry_of(custom | {"accuracies": str(tmp_path / "mine.csv.gz")})


def test_neighbours_are_part_of_its_code(custom, tmp_path):
    found = [path.rsplit("/", 1)[-1] for path in local_imports(custom["networks"])]
    assert found == ["neighbour.py", "space.py"]


FAILING = """
from torch import nn

def build(arch, classes):
    if arch == "exits":
        raise SystemExit("bad flags")
    if arch == "large":
        return nn.Sequential(nn.Conv2d(3, 4, 9), nn.ReLU(), nn.Flatten(), nn.LazyLinear(classes))
    if arch == "curved":
        return nn.Sequential(nn.Flatten(), nn.Linear(48, 9), nn.GELU(), nn.Linear(9, classes))
    if arch == "lazy":
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(),
                             nn.LazyLinear(classes))
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 9), nn.ReLU(), nn.Linear(9, classes))
"""
ARCHS = ("exits", "plain", "curved", "large", "lazy")
NOTES = {
    "exits": r"space\.py: build\('exits'\) failed \(SystemExit: bad flags\)\.$",
    "large": "^fails on images of 3×4×4: RuntimeError: .* If that is the wrong size, set image_siz",
    "curved": "calls no ReLU",
}


@pytest.fixture
def failing(custom, tmp_path):
    """Return the space `mine`, three of whose five networks fail."""
    (tmp_path / "space.py").write_text(FAILING)
    rows = [f"{arch},{50 + number}" for number, arch in enumerate(ARCHS)]
    (tmp_path / "mine.csv").write_text("\n".join(["arch,flowers/test/9", *rows, ""]))
    return entry_of(custom)


def score(space, archs, noise, family="naswot"):
    table = pd.DataFrame({"index": range(len(archs)), "arch": archs})
    batch = Batch(noise(4, 4), torch.tensor([0, 1, 2, 3]), 4)
    progress = Progress("mine", len(archs), "networks")
    return score_architectures(
        table, space.build, batch, FAMILIES[family], 0, progress, Options(), custom=True
    )


def test_a_network_that_fails_has_a_gap_and_a_note(failing, noise, caplog):
    caplog.set_level(logging.INFO)
    frame = score(failing.space, ARCHS, noise).set_index("arch")
    assert frame["naswot"].isna().to_dict() == {arch: arch in NOTES for arch in ARCHS}
    for arch, note in NOTES.items():
        assert frame["note"].str.contains(note)[arch], frame["note"][arch]
    assert (frame.loc[["plain", "lazy"], "note"] == "").all()
    assert frame["relu_units"].isna().tolist() == frame["naswot"].isna().tolist()
    assert (frame["seconds"] >= 0).all()
    assert "mine: 3 of 5 networks failed, see note; the first: architecture 0 (ex" in caplog.text
    assert "3 of 5 naswot are NaN" in caplog.text
    gradients = score(failing.space, ARCHS, noise, "gradients").set_index("arch")
    assert gradients["note"].ne("").sum() == 2
    assert "relu_units" not in gradients
    alone = score(failing.space, ["plain"], noise)
    assert alone["naswot"][0] == frame["naswot"]["plain"]


def test_a_note_on_one_score_of_a_family_is_in_its_shard(noise):
    def build(arch, classes):
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, classes, 3))

    table = pd.DataFrame({"index": [0], "arch": ["unlike"]})
    batch = Batch(noise(4), torch.arange(4), 4)
    options = Progress("mine", 1, "networks"), Options()
    frame = score_architectures(table, build, batch, FAMILIES["az_nas"], 0, *options, custom=True)
    assert frame["az_trainability"].isna().all()
    said = "the outputs of successive blocks have sizes that cannot be compared"
    assert frame["note"].tolist() == [said]


def test_if_all_networks_of_a_shard_fail_the_first_cause_ends_the_run(failing, noise, tmp_path):
    message = r"2 of 2 networks failed; the first: architecture 0 \(large\): fails on images of"
    with pytest.raises(NaswotError, match=message):
        score(failing.space, ["large", "exits"], noise)
    assert (
        score(failing.space, ["large"], noise)["naswot"].isna().all()
    )  # what of the other shards?


def test_a_file_that_cannot_be_imported_ends_the_run_at_once(custom, noise, tmp_path):
    (tmp_path / "space.py").write_text(
        "open(__file__ + '.tried', 'a').write('x')\nimport no_such_module\n"
    )
    with pytest.raises(NaswotError, match=r"space\.py cannot be imported"):
        score(entry_of(custom).space, ["wide", "narrow"], noise)
    assert (tmp_path / "space.py.tried").read_text() == "x"


def shards(entry, folder, noise):
    """Score the space in shards of one network and return what there is to join."""
    convert_benchmark(entry, None, folder / "table.parquet")
    sample_architectures(folder / "order.parquet", space=entry.space, deduplicate=True, seed=0)
    about = {"classes": 4, "true_labels": False}
    images = noise(4, 4).numpy()
    write_arrays(folder / "batch.npz", about, images=images, labels=np.arange(4))
    made = []
    for number in range(entry.space.size):
        made.append(folder / f"{number}.parquet")
        score_networks(
            folder / "order.parquet", folder / "batch.npz", made[-1], space=entry.space,
            images="noise", family="naswot", seed=0, first=number, last=number + 1,
            precision="float32", relu_count="once", device="cpu",
        )  # fmt: skip
    return folder / "order.parquet", made, folder / "table.parquet"


def test_gaps_are_joined_and_left_out_of_kernels(failing, noise, tmp_path):
    joined = tmp_path / "joined.parquet"
    inputs = shards(failing, tmp_path, noise)
    join_accuracies(*inputs, joined, tmp_path / "seconds.parquet", score="naswot", sample="all")
    table = read_parquet(joined)
    assert table["arch"].tolist() == list(ARCHS)
    assert table["score"].isna().tolist() == [arch in NOTES for arch in ARCHS]
    assert "note" not in table
    assert table["relu_units"].dtype == "Int64"
    kernels = tmp_path / "kernels.npz"
    compute_kernels(
        joined, inputs[0], tmp_path / "batch.npz", kernels, space=failing.space,
        dataset=failing.datasets["custom"], bands=2, networks=2,
        device="cpu",
    )  # fmt: skip
    assert sorted(read_kernels(kernels).arch) == ["lazy", "plain"]


def test_if_no_shard_has_a_score_nothing_is_joined(custom, noise, tmp_path):
    (tmp_path / "space.py").write_text("def build(arch, classes): raise ValueError('no head')")
    inputs = shards(entry_of(custom), tmp_path, noise)
    with pytest.raises(NaswotError, match=r"All 2 networks failed; the first: .*no head"):
        join_accuracies(
            *inputs, tmp_path / "joined.parquet", tmp_path / "s.parquet", score="naswot",
            sample="all",
        )  # fmt: skip
