"""A cluster for all tests here, and workdirs whose runs go there."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from needs import lacking
from slurm_cluster import NODES, Slurm, missing
from waiting import wait_until
from workdirs import Workdir

# The profile as it is, but for how soon it looks, and for a cluster without accounting.
OPTIONS = (
    *("--profile", "profiles/slurm", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--seconds-between-status-checks", "1", "--max-status-checks-per-second", "10"),
    # Where no account is named the plugin looks for one with sacct.
    *("--default-resources", "slurm_account=tests"),
    *("mem_mb=1024 << (attempt - 1)", "runtime=10 << (attempt - 1)"),
)


@pytest.fixture(scope="session")
def started():
    """Return a running cluster; without Slurm the tests skip, unless CI asks for it."""
    if missing():
        lacking(f"there is no Slurm here ({', '.join(missing())}): apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        lacking("only root can start a Slurm cluster")
    # Sockets have short names, which those of pytest's folders are not.
    place = Path(tempfile.mkdtemp(prefix="slurm-"))
    place.chmod(0o755)
    cluster = Slurm(place)
    try:
        cluster.start()
        yield cluster
    except subprocess.CalledProcessError as error:
        lacking(f"Slurm cannot be started here: {error.stderr.strip()}")
    finally:
        cluster.stop()
        shutil.rmtree(place)


@pytest.fixture
def cluster(started, monkeypatch):
    """Return the cluster with nothing to do, and let runs find it."""
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    yield started
    for daemon in ("slurmctld", *NODES):
        if not started.runs(daemon):
            started.start_controller() if daemon == "slurmctld" else started.start_node(daemon)
    subprocess.run(["scancel", "--user=root"], check=True)
    for node in NODES:
        subprocess.run(
            ["scontrol", "update", f"nodename={node}", "state=resume"], capture_output=True
        )
    wait_until(lambda: started.idle() == set(NODES), "every node is idle")


@pytest.fixture
def submitting(cluster, fresh):
    """Return a workdir without results; its runs go to the cluster."""
    return Workdir(fresh().path, OPTIONS)


@pytest.fixture
def half_scored(cluster, complete, tmp_path):
    """Return a workdir in which two of four shards are to be scored; its runs go to the cluster."""
    workdir = Workdir(complete.copy(tmp_path / "copy").path, OPTIONS)
    results = workdir.path / "results"
    for shard in ("0002", "0003"):
        (results / f"scores/nasbench201/photos/naswot/0/{shard}.parquet").unlink()
    shutil.rmtree(results / "joined")
    return workdir
