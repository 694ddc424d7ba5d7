"""What every process of a whole run did: unpickled, started, connected to."""

import json
import re

import pytest

pytestmark = pytest.mark.slow

# How Snakemake starts a script: its own shell, our file, nothing else.
JOB = r"\S*/bash -c set -euo pipefail; +\S*python\S* \S*/\.snakemake/scripts/tmp\w+\.(\w+)\.py"


@pytest.fixture(scope="module")
def done(complete) -> list[dict]:
    """Return what was done, one entry an event and process."""
    files = list((complete.path.parent / "watched").glob("*.jsonl"))
    assert len(files) > 40
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def of(done, *kinds: str) -> list[dict]:
    return [one for one in done if one["event"].startswith(kinds)]


def test_a_run_unpickles_what_snakemake_and_numba_hand_to_themselves(done):
    found = {(one["who"], ".".join(one["details"])) for one in of(done, "pickle.")}
    assert ("script", "snakemake.iocontainers.Snakemake") in found
    assert ("numba", "numba.core.types.npytypes.Array") in found
    allowed = {
        "script": r"snakemake\.iocontainers\.\w+",
        # Its compiled functions, in __pycache__ beside the code that they are made of.
        "numba": r"numba\.core\.[\w.]+|copyreg\._reconstructor|builtins\.object",
    }
    assert [one for one in found if not re.fullmatch(allowed.get(one[0], "$"), one[1])] == []


def test_a_run_connects_to_nothing(done):
    assert of(done, "socket.") == []


def test_our_code_starts_no_program_but_one_that_names_the_processor(done):
    started = of(done, "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.")
    ours = {one["details"][1] for one in started if one["who"] in ("naswot", "script")}
    assert ours <= {"uname -p"}  # Python's module platform
    shells = [one for one in started if re.search(r"(^|/)(ba|da|z)?sh( |$)", one["details"][1])]
    jobs = [re.fullmatch(JOB, one["details"][1]) for one in shells]
    assert len(jobs) > 40
    assert None not in jobs
    assert {one["who"] for one in shells} == {"snakemake"}


def test_our_code_runs_no_text_and_gives_no_permissions(done):
    assert of(done, "exec", "compile", "os.chmod") == []
