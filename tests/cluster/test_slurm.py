"""A run on a Slurm cluster comes to the results of a local one, whatever happens meanwhile."""

import contextlib
import signal
import subprocess
import sys

import psutil
import pytest
import yaml
from cluster_results import JOINED, SHARDS, assert_same, assert_whole
from slurm_cluster import NODES
from waiting import wait_until

from naswot.errors import NaswotError
from naswot.workflow.slurm import cancel_orphans

pytestmark = pytest.mark.slow


def scripts(workdir, rule):
    """Return the processes that run a rule's script in a workdir."""
    ours = str(workdir.path / ".snakemake/scripts")
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (words := process.info["cmdline"] or [])
        and words[-1].startswith(ours)
        and words[-1].endswith(f".{rule}.py")
    ]


def hold(workdir):
    """Stop the scripts that score, as if they had hours to go; return them."""
    held = []
    for script in scripts(workdir, "score_networks"):
        with contextlib.suppress(psutil.NoSuchProcess):
            script.suspend()
            held.append(script)
    return held


def hold_both(workdir):
    return wait_until(
        lambda: len(held := hold(workdir)) == 2 and held, "both shards are being scored"
    )


def let_go(held):
    """Let the scripts go on that are left."""
    for script in held:
        with contextlib.suppress(psutil.NoSuchProcess):
            script.resume()


def questions(cluster):
    """Return the processes in which Snakemake asks Slurm for its jobs."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if (process.info["cmdline"] or [""])[0] == "squeue" and "--name" in process.info["cmdline"]
        if (process.info["environ"] or {}).get("SLURM_CONF") == str(cluster.conf)
    ]


def ended_well(run, workdir, complete):
    """Check that the two shards were scored and joined as locally."""
    assert run.code == 0, run.text
    assert sorted(run.finished) == ["join_accuracies", "score_networks", "score_networks"]
    assert_whole(workdir.path)
    assert_same(workdir, complete, JOINED)


def test_a_run_on_a_cluster_comes_to_the_results_of_a_local_one(submitting, complete, cluster):
    before = len(cluster.jobs())
    table = "results/table2.csv"
    run = submitting.run_while(lambda: None, table)
    assert run.code == 0, run.text
    assert_whole(submitting.path)
    assert_same(submitting, complete, table, JOINED)
    searches = run.finished.count("search_by_sampling") + run.finished.count("search_under_budget")
    # 24 searches are one job of Slurm's.
    assert len(cluster.jobs()) - before == len(run.finished) - searches + 1


def test_cancelled_and_killed_jobs_are_tried_again(half_scored, complete, cluster):
    def act():
        held = hold_both(half_scored)
        (first, _) = cluster.running("score_networks")
        cluster.call("scancel", first)
        wait_until(lambda: first not in cluster.running("score_networks"), "the job is cancelled")

        def left():
            return [script for script in scripts(half_scored, "score_networks") if script in held]

        wait_until(lambda: len(left()) == 1, "its script has ended")
        left()[0].kill()

    run = half_scored.run_while(act, JOINED)
    assert run.text.count("Error in rule score_networks") == 2
    ended_well(run, half_scored, complete)


def test_jobs_of_a_node_that_crashes_run_elsewhere(half_scored, complete, cluster):
    crashed = {}

    def act():
        held = hold_both(half_scored)
        crashed.update(cluster.running("score_networks"))
        cluster.crash(next(iter(crashed.values())))
        let_go(held)

    run = half_scored.run_while(act, JOINED)
    job, node = next(iter(crashed.items()))
    assert "Restarts=1" in cluster.told(job)
    assert f"NodeList={node}\n" not in cluster.told(job)
    ended_well(run, half_scored, complete)


def test_a_controller_that_is_away_for_a_while_fails_no_job(half_scored, complete, cluster):
    def act():
        # A job whose step has not begun fails at once, and is tried again.
        held = hold_both(half_scored)
        cluster.stop_controller()
        (asked, *_) = wait_until(lambda: questions(cluster), "Snakemake asks how its jobs are")
        wait_until(lambda: asked not in questions(cluster), "it asked in vain")
        let_go(held)
        wait_until(lambda: not scripts(half_scored, "score_networks"), "the shards are scored")
        cluster.start_controller()

    run = half_scored.run_while(act, JOINED)
    assert "Error" not in run.text
    ended_well(run, half_scored, complete)


def test_a_job_that_takes_more_memory_than_it_asked_for_gets_more(half_scored, complete, cluster):
    before = set(cluster.jobs())
    small = "score_networks:mem_mb=300 if attempt == 1 else 2048"
    run = half_scored.run_while(lambda: None, JOINED, "--set-resources", small)
    told = [cluster.told(job) for job in set(cluster.jobs()) - before]
    failed = [one for one in told if "mem=300M" in one]
    assert len(failed) == 2
    assert all("JobState=COMPLETED" not in one for one in failed)
    assert "exceeded memory limit" in run.text + "".join(
        path.read_text()
        for path in half_scored.path.glob(".snakemake/slurm_logs/rule_score_networks/*/*")
    )
    ended_well(run, half_scored, complete)


def test_a_killed_run_leaves_no_jobs_to_the_next_one(half_scored, complete, cluster):
    for node in NODES[1:]:
        cluster.call("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    before = set(cluster.jobs())
    # One shard fills the node: the other one waits.
    large = ["--set-resources", "score_networks:mem_mb=5000"]

    def both_submitted_and_one_at_work():
        return hold(half_scored) and len(set(cluster.jobs()) - before) == 2

    run = half_scored.run_and_kill_once(both_submitted_and_one_at_work, JOINED, *large)
    assert run.code == -signal.SIGKILL
    orphans = set(cluster.jobs()) - before
    assert sorted(cluster.jobs()[job] for job in orphans) == ["PENDING", "RUNNING"]
    assert half_scored.run("--unlock").code == 0
    again = half_scored.run_while(lambda: None, JOINED)
    assert "Cancelled jobs of an earlier run" in again.text
    assert {cluster.jobs()[job] for job in orphans} == {"CANCELLED"}
    ended_well(again, half_scored, complete)


# A run that began when there was nothing to cancel, and goes on.
ALIVE = """
import sys, time
from naswot.workflow import slurm
slurm._queue = lambda columns: []
print(slurm.cancel_orphans(sys.argv[1]), flush=True)
time.sleep(300)
"""


def test_only_jobs_of_a_dead_run_of_this_directory_are_cancelled(cluster, tmp_path):
    """Not those of another directory, of another name, or of a run that is alive."""
    for name in ("here", "elsewhere"):
        (tmp_path / name).mkdir()
    elsewhere = tmp_path / "elsewhere"
    named = "--job-name=mine_01234567-89ab-cdef-0123-456789abcdef"  # as the plugin would
    here = tmp_path / "here"

    def submit(*options):
        return cluster.call("sbatch", "--parsable", *options, "--wrap=exec sleep 300").strip()

    orphan = submit(named, "-D", str(here))
    others = [submit(named, "-D", str(elsewhere)), submit("-D", str(here))]
    alive = subprocess.Popen([sys.executable, "-c", ALIVE, here], stdout=subprocess.PIPE)
    assert alive.stdout.readline() == b"[]\n"
    assert cancel_orphans(here) == []
    alive.kill()
    alive.communicate()
    assert cancel_orphans(here) == [orphan]
    assert cluster.jobs()[orphan] == "CANCELLED"
    assert {cluster.jobs()[job] for job in others} <= {"PENDING", "RUNNING"}


def test_without_slurm_a_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NaswotError, match="squeue is not found"):
        cancel_orphans(tmp_path)


def test_what_asks_for_cuda_goes_to_a_gpu_and_all_else_does_not(half_scored, cluster, tmp_path):
    (half_scored.path / "results/neighbours/nasbench201.parquet").unlink()
    partitions = {"main": {"max_runtime": "1d"}, "gpu": {"max_runtime": "1d", "max_gpu": 1}}
    (tmp_path / "partitions.yaml").write_text(yaml.safe_dump({"partitions": partitions}))
    before = set(cluster.jobs())
    run = half_scored.run_while(
        lambda: None,
        *("results/neighbours/nasbench201.parquet", f"results/{SHARDS}/0003.parquet"),
        *("--config", "device=cuda", "--retries", "0", "--keep-going"),
        *("--slurm-partition-config", str(tmp_path / "partitions.yaml")),
    )
    assert run.code == 1
    told = {
        "score_networks" if "rule_score_networks" in one else "find_neighbours": one
        for one in map(cluster.told, set(cluster.jobs()) - before)
    }
    assert "Partition=gpu" in told["score_networks"]
    assert "TresPerJob=gres:gpu:1" in told["score_networks"]
    assert "Partition=main" in told["find_neighbours"]
    assert "gpu:1" not in told["find_neighbours"]
    assert "JobState=COMPLETED" in told["find_neighbours"]
    # There is none in truth.
    log = half_scored.path / "logs/score_networks/nasbench201/photos/naswot/0/0003.log"
    assert "torch sees no GPU here" in log.read_text()
