"""The workflow runs from any folder, and keeps what --directory names apart."""

import subprocess
import sys

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

SMALL = "sample=6", "bootstrap_resamples=10", "datasets=[cifar10]"


@pytest.mark.parametrize("directory", [None, "runs/a"])
def test_a_run_from_elsewhere_leaves_the_repository_alone(fresh, tmp_path, directory):
    workdir = fresh()
    options = ["-s", str(workdir.path / "Snakefile"), "--cores", "2"]
    if directory:
        options += ["--directory", directory]
    options += ["--configfile", str(workdir.path / "config/ci.yaml")]

    def snakemake(*targets):
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", *targets, *options, "--config", *SMALL],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr + done.stdout

    assert f"profile {workdir.path}/profiles/default" in snakemake("-n")  # all, report and pages
    snakemake("results/kendall_tau.csv")
    place = tmp_path / (directory or "")
    assert pd.read_csv(place / "results/kendall_tau.csv")["n"].tolist() == [6]
    assert "Nothing to be done" in snakemake("results/kendall_tau.csv")
    assert not (workdir.path / "results").exists()
    assert not (workdir.path / ".snakemake").exists()
