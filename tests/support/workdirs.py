"""Real Snakemake runs, each in a copy of the repository, with the configuration for CI."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

PARTS = ("rules", "scripts", "config", "profiles", "report", "resources", "workflow", "naswot")
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
    options: tuple[str, ...] = ("--cores", "2")

    @classmethod
    def fresh(cls, root: Path, path: Path) -> "Workdir":
        """Copy the repository `root` with its compiled code, without any results, to `path`."""
        path.mkdir(parents=True, exist_ok=True)
        unfinished = shutil.ignore_patterns(".*", "*.pyc.*", "*.tmp.*")
        for part in PARTS:
            shutil.copytree(root / part, path / part, ignore=unfinished)
        for file in FILES:
            shutil.copy2(root / file, path)
        return cls(path)

    def command(self, *arguments: str, config: str = "config/ci.yaml") -> list[str]:
        # Targets first: --configfile would take them for configuration files.
        options = [*self.options, "--configfile", config]
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
        """Return the rules that a run would run, and, for plot_figure, the figures."""
        run = self.run("-n", *arguments)
        assert run.code == 0, run.text
        counted = set(re.findall(r"^(\w+) +\d+$", run.text, re.M))
        drawn = re.findall(r"^Job \d+: Plotting (\w+)", run.text, re.M)
        return counted.union(drawn) - {"total", "plot_figure"}

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a run in a session of its own; what it prints goes to `run.log`, anew."""
        with (self.path / "run.log").open("w") as output:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=self.path,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Whoever runs in the background ignores Ctrl-C, and hands that on.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )

    def printed(self) -> str:
        """Return what the run that was last started printed."""
        return (self.path / "run.log").read_text(errors="replace")

    def run_and_kill_once(self, condition, *arguments: str) -> Run:
        """Start a run, kill it and all its children with SIGKILL as soon as `condition()`."""
        process = self.start(*arguments)
        try:
            while process.poll() is None and not condition():
                time.sleep(0.01)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return Run(process.returncode, self.printed())

    def run_while(self, act, *arguments: str, patience_s: float = 900) -> Run:
        """Start a run, call `act()` meanwhile, and wait for the run to end."""
        process = self.start(*arguments)
        try:
            act()
            process.wait(patience_s)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            print(self.printed())  # pytest shows it if the test fails
        return Run(process.returncode, self.printed())

    def edit(self, file: str, text: str) -> None:
        """Append `text` to a file."""
        with (self.path / file).open("a") as stream:
            stream.write(text)

    def copy(self, path: Path) -> "Workdir":
        shutil.copytree(self.path, path)
        return replace(self, path=path)
