"""Results on a storage: a folder through the plugin fs, a bucket of a local server of S3's kind."""

import shutil
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from needs import lacking
from waiting import wait_until

from naswot.io.parquet import read_metadata, read_parquet

pytestmark = pytest.mark.slow

TABLE = "results/table2.csv"
FEW = ("--config", "datasets=[cifar10]", "methods=[rea]", "shard_size=24")
ACCURACIES = ["method", "cifar10_valid_mean", "cifar10_valid_std", "source", "runs"]
TRAINED = """
custom_spaces:
  sizes: {networks: natsbench_sss, train: 2}
spaces: [sizes]
images: digits
sample: all
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return what names a folder as the storage, and a reader of files in it."""
    if shutil.which("rsync") is None:
        lacking("rsync is not installed")
    path = tmp_path_factory.mktemp("store")
    options = ["--default-storage-provider", "fs", "--default-storage-prefix", str(path)]
    return options, lambda name: path / name


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """Return the same for a bucket; a copy of each file is fetched when it is asked for."""
    for module in ("moto", "flask", "snakemake_storage_plugin_s3"):
        if find_spec(module) is None:
            lacking(f"{module} is not installed: pip install '.[clouds]'")
    import boto3

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, path = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("fetched")
    keys = {"access_key": "key", "secret_key": "secret", "endpoint_url": url}
    with pytest.MonkeyPatch.context() as patch, (path / "server.log").open("w") as log:
        for name, value in keys.items():
            patch.setenv(f"SNAKEMAKE_STORAGE_S3_{name.upper()}", value)
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=log, stderr=log
        )
        try:
            client = boto3.client(
                "s3",
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id="key",
                aws_secret_access_key="secret",
            )
            wait_until(lambda: answers(port), "the server answers")
            client.create_bucket(Bucket="naswot")

            def read(name: str) -> Path:
                client.download_file("naswot", f"run/{name}", path / Path(name).name)
                return path / Path(name).name

            profile = ["--workflow-profile", "profiles/s3"]
            yield [*profile, "--default-storage-prefix", "s3://naswot/run"], read
        finally:
            server.kill()
            server.wait()


def answers(port: int) -> bool:
    """Whether a server answers."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module", params=["folder", "bucket"])
def stored(request, fresh):
    """Return a workdir whose results are stored, the options of that, and a reader of results."""
    storage, read = request.getfixturevalue(request.param)
    workdir, options = fresh(), [*storage, *FEW]
    run = workdir.run(TABLE, *options)
    assert run.code == 0, run.text
    return workdir, options, read


def test_stored_results_equal_local_ones(stored, complete):
    workdir, _, read = stored
    name = "results/joined/nasbench201/photos/naswot/0.parquet"
    pd.testing.assert_frame_equal(
        read_parquet(read(name)), read_parquet(complete.path / name), check_exact=True
    )
    local = pd.read_csv(complete.path / TABLE).query("method not in ['BOHB', 'AREA']")
    found = pd.read_csv(read(TABLE)).query("method not in ['BOHB', 'AREA']")
    assert found["source"].eq("measured").sum() == 7
    pd.testing.assert_frame_equal(
        found[ACCURACIES].reset_index(drop=True), local[ACCURACIES].reset_index(drop=True)
    )
    assert not (workdir.path / "results").exists()


def test_a_log_of_a_stored_shard_does_not_guess_what_the_others_have_done(stored):
    _, _, read = stored
    log = read("logs/score_networks/nasbench201/photos/naswot/0/0000.log").read_text()
    assert log.endswith("networks 1 to 24: done\n")


def test_a_second_run_does_nothing_and_a_change_runs_its_stage_again(stored, tmp_path):
    workdir, options, _ = stored
    assert workdir.planned(TABLE, *options) == set()
    elsewhere = workdir.copy(tmp_path / "elsewhere")
    shutil.rmtree(elsewhere.path / ".snakemake")  # what one machine knows of runs, another does not
    assert elsewhere.planned(TABLE, *options) == set()
    workdir.edit("naswot/stages/sample_search.py", "\n# changed\n")
    assert workdir.planned(TABLE, *options) == {"search_by_sampling", "write_table2"}


def test_a_benchmark_that_is_trained_is_read_from_the_storage(fresh, folder, root):
    options, read = folder
    workdir, target = fresh(), "results/benchmarks/sizes.parquet"
    (workdir.path / "train.yaml").write_text((root / "config/ci.yaml").read_text() + TRAINED)
    run = workdir.run(target, *options, config="train.yaml")
    assert run.code == 0, run.text
    assert read_metadata(read(target))["source"].startswith("trained here: 48 images of digits")
