"""Real Snakemake runs, each in a copy of the repository, with the configuration for CI."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

PARTS = ("rules", "scripts", "config", "profiles", "report", "resources", "naswot")
FILES = ("Snakefile", "environment.yml", "pyproject.toml")


@dataclass(frozen=True)
class Run:
    """How a Snakemake run ended, what it printed and which rules it finished."""

    code: int
    text: str

    @property
    def finished(self) -> list[str]:
        return re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", self.text, re.M)


@dataclass(frozen=True)
class Workdir:
    """A copy of the repository to run the workflow in."""

    path: Path

    def command(self, *arguments: str, config: str = "config/ci.yaml") -> list[str]:
        # Targets first: --configfile would take them for configuration files.
        options = ["--cores", "2", "--configfile", config]
        return [sys.executable, "-m", "snakemake", *arguments, *options]

    def run(self, *arguments: str, config: str = "config/ci.yaml", **environment: str) -> Run:
        done = subprocess.run(
            self.command(*arguments, config=config),
            cwd=self.path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def planned(self, *arguments: str) -> set[str]:
        """Return the rules that a run would run."""
        run = self.run("-n", *arguments)
        assert run.code == 0, run.text
        counted = re.findall(r"^(\w+) +\d+$", run.text, re.M)
        return set(counted) - {"total"}

    def run_and_kill_once(self, condition, *arguments: str) -> Run:
        """Start a run, kill it and all its children with SIGKILL as soon as `condition()`."""
        with (self.path / "killed.log").open("w+") as output:
            process = subprocess.Popen(
                self.command(*arguments),
                cwd=self.path,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while process.poll() is None and not condition():
                    time.sleep(0.01)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            output.seek(0)
            return Run(process.returncode, output.read())

    def edit(self, file: str, text: str) -> None:
        """Append `text` to a file."""
        with (self.path / file).open("a") as stream:
            stream.write(text)

    def copy(self, path: Path) -> "Workdir":
        shutil.copytree(self.path, path)
        return Workdir(path)


@pytest.fixture(scope="session")
def fresh(root, tmp_path_factory):
    """Return a maker of copies of the repository without any results."""

    def make() -> Workdir:
        path = tmp_path_factory.mktemp("fresh")
        for part in PARTS:
            shutil.copytree(
                root / part, path / part, ignore=shutil.ignore_patterns("__pycache__", ".*")
            )
        for file in FILES:
            shutil.copy2(root / file, path)
        return Workdir(path)

    return make


@pytest.fixture(scope="session")
def watched(tmp_path_factory) -> Path:
    """Return the folder in which the processes of the complete run left what they did."""
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="session")
def complete(fresh, watched, root) -> Workdir:
    """Return a workdir in which everything was made once. Read it; change copies of it."""
    workdir = fresh()
    places = filter(None, [str(root / "tests/watching"), os.environ.get("PYTHONPATH")])
    run = workdir.run(NASWOT_WATCH=str(watched), PYTHONPATH=os.pathsep.join(places))
    assert run.code == 0, run.text
    return workdir


@pytest.fixture
def finished(complete, tmp_path) -> Workdir:
    """Return a copy of the complete workdir, to change at will."""
    return complete.copy(tmp_path / "copy")
