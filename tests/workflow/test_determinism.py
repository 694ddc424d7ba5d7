"""The same configuration makes the same bytes, however a run is cut, spread, ordered or stopped."""

import shutil
from dataclasses import replace

import pytest

pytestmark = pytest.mark.slow

SHARDS = "results/scores/nasbench201/photos/naswot/0"
JOINED = "results/joined/nasbench201/photos/naswot/0.parquet"
CORRELATIONS = "results/kendall_tau.csv"


@pytest.fixture
def unscored(finished):
    """Return a copy of the complete workdir without scores, and the bytes that scores gave."""
    made = {file: (finished.path / file).read_bytes() for file in (JOINED, CORRELATIONS)}
    for folder in ("scores", "joined", "seconds"):
        shutil.rmtree(finished.path / "results" / folder)
    (finished.path / CORRELATIONS).unlink()
    return finished, made


def same(workdir, made, *arguments) -> list[str]:
    """Make the tables again; return the rules that were finished once the bytes are the same."""
    run = workdir.run(*made, *arguments)
    assert run.code == 0, run.text
    assert {file: (workdir.path / file).read_bytes() for file in made} == made
    return run.finished


@pytest.mark.parametrize(("size", "count"), [(24, 1), (5, 5)])
def test_the_size_of_shards_changes_no_byte(unscored, size, count):
    workdir, made = unscored
    finished = same(workdir, made, "--config", f"shard_size={size}")
    assert finished.count("score_networks") == count


def test_the_number_of_cores_changes_no_byte(unscored):
    workdir, made = unscored  # made with two
    same(replace(workdir, options=("--cores", "1")), made)


def test_the_order_of_jobs_changes_no_byte(unscored):
    workdir, made = unscored
    for shard in (3, 1):
        assert workdir.run(f"{SHARDS}/{shard:04d}.parquet").code == 0
    assert same(workdir, made).count("score_networks") == 2


def test_a_sample_that_grew_is_the_sample_at_once(unscored):
    workdir, made = unscored
    assert workdir.run(JOINED, "--config", "sample=13").code == 0
    same(workdir, made)
