"""Whatever befalls a run on one machine, the same command ends with the same results."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from needs import lacking
from soak import soak
from soaking.comparing import differing
from soaking.disturbed import jobs_of
from soaking.whole import results, temporary

pytestmark = pytest.mark.slow

JOINED = "results/joined/nasbench201/photos/naswot/0.parquet"
SHARDS = Path("results/scores/nasbench201/photos/naswot/0")
HOUR = 3600
AGAIN = "run the same command again: finished work is kept."


def without_shards(workdir, kept: int = 0):
    """Remove all but some of the shards, and their join: a run of few jobs makes them again."""
    for shard in sorted((workdir.path / SHARDS).iterdir())[kept:]:
        shard.unlink()
    (workdir.path / JOINED).unlink()
    return workdir


@pytest.fixture
def begun(finished):
    """Return a workdir in which one of four shards is there."""
    return without_shards(finished, kept=1)


def undisturbed(workdir, complete) -> None:
    assert differing(workdir.path, complete.path) == []
    assert temporary(workdir.path) == []


def lines(text: str, *needles: str) -> list[str]:
    return [line for line in text.splitlines() if all(needle in line for needle in needles)]


def mounted(workdir, script: str) -> list[str]:
    """Run a shell script with mounts of its own in a workdir; return what it printed, divided.

    `$RUN` in it is the run to the joined table, and `echo ===` divides.
    """
    command = " ".join(workdir.command(JOINED))
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"RUN='{command}'\n{script}"],
        cwd=workdir.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.split("===\n")


@pytest.fixture(scope="module", autouse=True)
def mounts():
    """Skip what needs mounts, with the reason, where there are none."""
    able = (
        shutil.which("unshare")
        and not subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False
        ).returncode
    )

    def need() -> None:
        if not able:
            lacking("this system does not let us mount a file system of our own")

    return need


def test_runs_killed_at_random_lose_nothing(complete, tmp_path):
    tally = soak(
        lambda number: without_shards(complete.copy(tmp_path / f"run{number}")),
        complete.path,
        kills=4,
        kills_a_run=4,
        seed=3,
        span_s=2,
        targets=[JOINED],
    )
    assert tally.kills.total() == 4
    assert not tally.wrong, tally.faults


def test_a_killed_job_is_named_and_the_same_command_goes_on(begun, complete):
    process = begun.start(JOINED)
    while not (jobs := jobs_of(process.pid)):
        assert process.poll() is None, begun.printed()
        time.sleep(0.01)
    jobs[0].kill()
    assert process.wait() == 1
    assert lines(begun.printed(), "Error in rule score_networks:")
    assert len(lines(begun.printed(), "lower --cores", AGAIN)) == 1
    again = begun.run(JOINED)
    assert again.code == 0, again.text
    undisturbed(begun, complete)


def test_jobs_end_with_the_snakemake_that_is_killed(begun, complete):
    shutil.rmtree(begun.path / "logs/score_networks")
    before = results(begun.path)
    process = begun.start(JOINED)
    # Once a script has begun it writes a log.
    while not (jobs := jobs_of(process.pid)) or not (begun.path / "logs/score_networks").exists():
        assert process.poll() is None, begun.printed()
        time.sleep(0.01)
    for job in jobs:
        job.suspend()  # or it might be done before it is told
    process.kill()
    process.wait()
    for job in jobs:
        job.resume()
        job.wait(10)
    assert results(begun.path) == before


def test_a_second_run_in_the_same_folder_is_refused_and_does_no_harm(begun, complete):
    first = begun.start(JOINED)
    while not (jobs := jobs_of(first.pid)):
        assert first.poll() is None, begun.printed()
        time.sleep(0.01)
    jobs[0].suspend()  # so that the first run lasts as long as the second one looks
    second = begun.run(JOINED)
    jobs[0].resume()
    assert second.code != 0
    assert "Traceback" not in second.text
    assert len(lines(second.text, "Directory cannot be locked")) == 1
    assert first.wait() == 0, begun.printed()
    undisturbed(begun, complete)


def test_a_disk_that_fills_up_is_explained_and_the_same_command_goes_on(begun, complete, mounts):
    mounts()
    failed, there, again, _ = mounted(
        begun,
        """
        cp -a results kept; rm -r logs
        mount -t tmpfs -o size=100m tmpfs results
        cp -a kept/. results/
        $RUN & until [ -e logs/score_networks ]; do sleep 0.1; done
        dd if=/dev/zero of=results/.fill bs=1k 2> /dev/null
        wait $!; echo code $?; echo ===
        find results/scores -type f; echo ===
        rm results/.fill
        $RUN; echo code $?; echo ===
        cp -a results/. kept
        """,
    )
    assert "code 1" in failed
    assert "Traceback" not in failed
    assert lines(
        failed, "score_networks: results/scores", "cannot be written", "Free some space", AGAIN
    )
    assert there.split() == [f"{SHARDS}/0000.parquet"]
    assert "code 0" in again
    shutil.rmtree(begun.path / "results")
    (begun.path / "kept").rename(begun.path / "results")
    undisturbed(begun, complete)


def test_a_full_disk_is_told_in_one_line_before_anything_runs(begun, mounts):
    mounts()
    (failed,) = mounted(
        begun,
        """
        mount -t tmpfs -o size=1m tmpfs .snakemake
        dd if=/dev/zero of=.snakemake/fill bs=1k 2> /dev/null
        $RUN; echo code $?
        """,
    )
    assert "code 1" in failed
    assert len(lines(failed, "cannot be written to: No space left on device", AGAIN)) == 1
    assert not lines(failed, "Traceback")
    assert not lines(failed, "Logging error")


def test_a_folder_that_is_read_only_is_told_in_one_line(begun, mounts):
    mounts()
    before = results(begun.path)
    only_results, whole_folder = mounted(
        begun,
        """
        mount --bind results results; mount -o remount,ro,bind results
        $RUN; echo code $?; echo ===
        mount --bind . .; mount -o remount,ro,bind .; cd "$PWD"
        $RUN; echo code $?
        """,
    )
    assert "code 1" in only_results
    assert "Traceback" not in only_results
    assert len(lines(only_results, "results cannot be written to: Read-only file system")) == 1
    assert "code 1" in whole_folder
    assert len(lines(whole_folder, "cannot be written to: Read-only file system")) == 1
    assert "Traceback" not in whole_folder
    assert results(begun.path) == before


def test_files_from_before_the_clock_was_set_back_are_used(begun, complete):
    future = time.time() + HOUR
    for part, late in {"results": 1, "naswot": 0, "scripts": 0, "resources": 0}.items():
        for path in (begun.path / part).rglob("*.*"):
            os.utime(path, (future + late, future + late))
    run = begun.run(JOINED)
    assert run.code == 0, run.text
    assert sorted(run.finished) == ["join_accuracies", *["score_networks"] * 3]
    assert "Nothing to be done" in begun.run(JOINED, "-n").text
    undisturbed(begun, complete)


def test_a_clock_set_back_during_a_run_is_explained_and_the_same_command_goes_on(begun, complete):
    process = begun.start(JOINED)
    shard = begun.path / SHARDS / "0003.parquet"

    def shift() -> None:
        told = "Finished jobid", "score_networks"
        while not lines(begun.printed(), *told) and process.poll() is None:
            time.sleep(0.01)
        for path in (begun.path / SHARDS).glob("[0-9]*"):
            os.utime(path, (time.time() + HOUR,) * 2)

    thread = threading.Thread(target=shift)
    thread.start()
    code = process.wait()
    thread.join()
    assert code == 1
    assert shard.exists()
    assert len(lines(begun.printed(), "The clock was set back", AGAIN)) == 1
    again = begun.run(JOINED)
    assert again.code == 0, again.text
    undisturbed(begun, complete)
