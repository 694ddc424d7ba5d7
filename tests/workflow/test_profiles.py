"""Profiles: each parses and plans; the batch system here is task-spooler, a real queue."""

import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import yaml
from needs import lacking
from soaking.disturbed import jobs_of
from soaking.whole import temporary
from waiting import wait_until

pytestmark = pytest.mark.slow

NAMES = ["slurm", "generic", "kubernetes", "htcondor", "aws-batch", "googlebatch"]
ROOM = "profiles/generic"
SAMPLE = "results/architectures/nasbench201/0.parquet"
BATCH = "results/batches/photos/0.npz"
# What profiles ask the user to set.
SETTINGS = {
    "SNAKEMAKE_AWS_BATCH_JOB_QUEUE": "arn:aws:batch:eu-central-1:123456789012:job-queue/naswot",
    "SNAKEMAKE_AWS_BATCH_JOB_ROLE": "arn:aws:iam::123456789012:role/naswot",
    "SNAKEMAKE_GOOGLEBATCH_PROJECT": "naswot",
    "SNAKEMAKE_GOOGLEBATCH_REGION": "europe-west3",
}
CLOSELY = ("--seconds-between-status-checks", "1", "--latency-wait", "5")


def test_the_readme_lists_all_profiles(root):
    listed = re.findall(r"^\| `(\S+)` \|", (root / "profiles/README.md").read_text(), re.M)
    assert sorted(listed) == sorted(path.parent.name for path in root.glob("profiles/*/*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_plans_a_run(name, fresh, root, tmp_path, monkeypatch):
    profile = yaml.safe_load((root / f"profiles/{name}/profile.yaml").read_text())
    plugin = f"snakemake_executor_plugin_{profile['executor'].replace('-', '_')}"
    if find_spec(plugin) is None:
        lacking(f"{plugin} is not installed: pip install '.[clouds]'")
    for variable, value in SETTINGS.items():
        monkeypatch.setenv(variable, value)
    # Planning asks the storage what is there; a folder stands for the bucket.
    storage = ["--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path)]
    planned = fresh().planned(
        SAMPLE,
        "--profile",
        f"profiles/{name}",
        *(storage if "default-storage-provider" in profile else ()),
    )
    assert planned == {"sample_architectures"}


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Return a function that asks a task-spooler of this test's own."""
    if shutil.which("tsp") is None:
        lacking("task-spooler is not installed (Debian: apt-get install task-spooler)")
    monkeypatch.setenv("TS_SOCKET", str(tmp_path / "queue"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def ask(*arguments: str) -> str:
        done = subprocess.run(["tsp", *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    ask("-S", "2")
    yield ask
    ask("-K")


def wait_for_process(queue, job: str) -> int:
    """Wait until a job of the queue runs; return the number of its process group."""

    def group() -> int | None:
        process = int(queue("-p", job) or 0) if queue("-s", job) == "running" else 0
        # Its number is told before its group has it.
        return process if process > 1 and os.getpgid(process) == process else None

    return wait_until(group, f"job {job} runs")


def scripts_of(job: psutil.Process) -> list[psutil.Process]:
    return [script for child in job.children(recursive=True) for script in jobs_of(child.pid)]


def test_a_job_that_the_batch_system_kills_is_tried_again(fresh, queue):
    workdir = fresh()
    run = workdir.start(BATCH, "--profile", ROOM, *CLOSELY)
    os.killpg(wait_for_process(queue, "0"), signal.SIGKILL)
    assert run.wait(timeout=120) == 0, workdir.printed()
    assert workdir.printed().count("Trying to restart job") == 1
    assert [queue("-s", job) for job in ("0", "1")] == ["finished", "finished"]
    assert (workdir.path / BATCH).exists()


def test_interrupting_a_run_takes_its_jobs_out_of_the_queue(fresh, queue):
    workdir = fresh()
    queue("-S", "1")
    # A job of which it just asks how it is would be missed.
    seldom = ("--seconds-between-status-checks", "10")
    run = workdir.start(BATCH, SAMPLE, "--profile", ROOM, *CLOSELY, *seldom)
    wait_for_process(queue, "0")
    wait_until(lambda: queue("-s", "1") == "queued", "another job waits")
    told = "with external jobid '1'"
    wait_until(lambda: told in workdir.printed(), "Snakemake knows the job's number")
    time.sleep(1)  # and notes that it is to be cancelled
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=60) != 0
    wait_until(lambda: queue("-s", "0") != "running", "the job has ended")
    assert "killed by signal" in queue("-i", "0")
    assert queue("-s", "1") == ""  # unknown: it was taken out


def test_a_job_that_an_interruption_missed_does_no_harm_to_the_next_run(fresh, queue, tmp_path):
    """Snakemake does not cancel a job at the moment when it asks how the job is."""
    workdir = fresh()
    slow = tmp_path / "status"
    slow.write_text('#!/bin/sh\ntouch "$0.asked"; sleep 5; exec profiles/generic/status-tsp "$1"\n')
    slow.chmod(0o755)
    asked = Path(f"{slow}.asked")
    asking = ("--cluster-generic-status-cmd", str(slow))
    run = workdir.start(BATCH, "--profile", ROOM, *CLOSELY, *asking)
    missed = psutil.Process(wait_for_process(queue, "0"))
    script = wait_until(lambda: scripts_of(missed), "the job is at work")[0]
    script.suspend()  # as if it had hours to go
    asked.unlink(missing_ok=True)
    wait_until(asked.exists, "Snakemake asks how the job is")
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=60) != 0
    assert queue("-s", "0") == "running"
    again = workdir.run(BATCH, "--profile", ROOM, *CLOSELY)
    assert again.code == 0, again.text
    before = (workdir.path / BATCH).read_bytes()
    script.resume()
    wait_until(lambda: queue("-s", "0") == "finished", "the job has ended")
    assert "exit code 0" in queue("-i", "0")
    assert (workdir.path / BATCH).read_bytes() == before
    assert temporary(workdir.path) == []
    assert "Nothing to be done" in workdir.run(BATCH, "-n").text


def test_jobs_without_a_shared_file_system_for_results_are_submitted_all_the_same(
    fresh, queue, tmp_path
):
    if shutil.which("rsync") is None:
        lacking("rsync is not installed")
    workdir = fresh()
    run = workdir.run(
        SAMPLE,
        *("--profile", ROOM, *CLOSELY),
        *("--default-storage-provider", "fs", "--default-storage-prefix", str(tmp_path / "store")),
        *("--shared-fs-usage", "persistence", "software-deployment", "sources", "source-cache"),
    )
    assert run.code == 0, run.text
    assert queue("-s", "0") == "finished"
    assert (tmp_path / "store" / SAMPLE).exists()
    assert not (workdir.path / "results").exists()
