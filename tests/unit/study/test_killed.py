"""A search that is killed at random moments goes on with the same command."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from searches import SPACE

from naswot.io.parquet import read_parquet

KILLS = 20
NETWORKS = 120
MARK = "NASWOT_TEST_SEARCH"


def command(folder, *more):
    return [
        *(sys.executable, "-m", "naswot", "search", str(SPACE), "--method", "random"),
        *("--image-size", "8", "--batch-size", "16", "--max-params", "30K", "--take", "0"),
        *("--networks", str(NETWORKS), "--jobs", "2", "--output", str(folder), *more),
    ]


def lines(folder):
    path = folder / "study.journal"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
def test_twenty_kills_lose_and_double_no_network(tmp_path):
    generator = random.Random(0)
    killed = tmp_path / "killed"
    recorded = 0
    for number in range(KILLS):
        process = subprocess.Popen(
            command(killed, "--resume"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {MARK: str(killed)},
        )
        # Some die while they start, most after a few networks, at any moment of the next one.
        due = lines(killed) + generator.randrange(1, 6)
        end = time.monotonic() + (1.0 if number % 5 == 4 else 120.0)
        while process.poll() is None and lines(killed) < due and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(generator.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lines(killed) >= recorded
        recorded = lines(killed)
    subprocess.run(command(killed, "--resume"), check=True, timeout=300)
    whole = tmp_path / "whole"
    subprocess.run(command(whole), check=True, timeout=300)
    tables = [read_parquet(folder / "trials.parquet") for folder in (killed, whole)]
    columns = ["network", "naswot", "params", "flops", "draw", "front"]
    expected = tables[1][columns].sort_values("draw", ignore_index=True)
    assert len(expected) == NETWORKS
    found = tables[0][columns].sort_values("draw", ignore_index=True)
    assert found["network"].is_unique
    assert found.equals(expected)
    trials = [
        json.loads(line)
        for line in (killed / "study.journal").read_text().splitlines()
        if '"arch"' in line
    ]
    assert len(trials) == NETWORKS
    assert not [pid for pid in os.listdir("/proc") if is_marked(pid, killed)]


def is_marked(pid, folder):
    """Return whether a process, such as a scoring one, was started by a killed search."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as stream:
            return f"{MARK}={folder}".encode() in stream.read()
    except OSError:
        return False
