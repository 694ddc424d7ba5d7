"""Faults from outside are explained, and clocks that are wrong do no harm."""

import os
import subprocess
import sys
import time

import pandas as pd
import pytest

from naswot.io.parquet import write_parquet
from naswot.stages.score import _outlook
from naswot.workflow.faults import cures, settle_clock

HOUR = 3600


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("Command 'python x.py' died with <Signals.SIGKILL: 9>.", "lower --cores"),
        ("OSError: [Errno 28] No space left on device: 'x'", "free some space"),
        ("OSError: [Errno 30] Read-only file system: 'x'", "run in another"),
        ("PermissionError: [Errno 13] Permission denied: 'x'", "change its permissions"),
        ("Output x has older modification time (1) than input y (2).", "clock was set back"),
    ],
)
def test_a_fault_gets_one_line_with_its_cure(text, cure):
    (line,) = cures(f"Building DAG of jobs...\n{text}\nShutting down")
    assert cure in line
    assert line.endswith("run the same command again: finished work is kept.")
    assert cures("score: architecture 3 is malformed") == []


def test_only_files_of_the_future_are_touched(tmp_path):
    now = time.time()
    ages = {"future": now + HOUR, "past": now - HOUR}
    for name, written in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (written, written))
    assert settle_clock(tmp_path, []) == 1
    assert now <= (tmp_path / "future").stat().st_mtime <= time.time()
    assert (tmp_path / "past").stat().st_mtime == pytest.approx(now - HOUR)


@pytest.mark.parametrize("shift_s", [-HOUR, 0, HOUR])
def test_the_outlook_bears_another_clock_of_the_file_system(tmp_path, shift_s):
    shards = [tmp_path / f"{number:04}.parquet" for number in range(2)]
    for shard in shards:
        write_parquet(pd.DataFrame({"index": range(10)}), shard, {})
        written = time.time() + shift_s
        os.utime(shard, (written, written))
    assert _outlook(shards[1], 40, 5.0) == ("; 20 of 40 networks are scored, about 5 s left")


def test_the_outlook_bears_a_damaged_neighbour(tmp_path):
    shard = tmp_path / "0000.parquet"
    write_parquet(pd.DataFrame({"index": range(10)}), shard, {})
    (tmp_path / "0001.parquet").write_bytes(b"PAR1")
    assert _outlook(shard, 20, 5.0) == "; 10 of 20 networks are scored, about 5 s left"


JOB = """
from types import SimpleNamespace
from naswot.workflow.job import job
with job(SimpleNamespace(log=[], config={}, rule="score")):
    print("begun")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends jobs with their Snakemake")
def test_a_job_does_nothing_if_its_snakemake_was_killed_before_it_began(root):
    def printed(snakemake: int) -> str:
        environment = {**os.environ, "PYTHONPATH": str(root), "NASWOT_SNAKEMAKE": str(snakemake)}
        command = [sys.executable, "-c", JOB]
        return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True).stdout

    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert printed(os.getpid()) == "begun\n"
    assert printed(ended.pid) == ""
