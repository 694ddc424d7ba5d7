"""Others use the workflow as a module of theirs, from a folder or from a git repository."""

import shutil
import subprocess

import pandas as pd
import pytest
import yaml
from needs import lacking
from workdirs import Workdir

pytestmark = pytest.mark.slow

TABLE = "results/kendall_tau.csv"
ADDRESS = "https://github.com/example/naswot"
PROJECT = """
configfile: "config.yaml"

module naswot:
    snakefile: "{folder}/Snakefile"
    prefix: "nas"
    config: config["naswot"]

use rule * from naswot as naswot_*

rule all:
    default_target: True
    input: "nas/results/kendall_tau.csv", "nas/results/table2.csv"

onstart: naswot.onstart()
onsuccess: naswot.onsuccess()
onerror: naswot.onerror()
"""


@pytest.fixture
def small(root):
    """Return a configuration that takes seconds and has not all keys."""
    config = yaml.safe_load((root / "config/ci.yaml").read_text())
    few = {"sample": 6, "methods": [], "datasets": ["cifar10"], "images": "noise"}
    return {**config, **few}


def test_rules_scripts_and_library_of_a_module_stay_in_its_folder(fresh, small, tmp_path):
    naswot, project = fresh(), Workdir(tmp_path)
    (tmp_path / "Snakefile").write_text(PROJECT.format(folder=naswot.path))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"mine": 1, "naswot": small}))
    run = project.run(config="config.yaml")
    assert run.code == 0, run.text
    assert set(run.finished) > {"naswot_score_networks", "naswot_write_table2", "all"}
    assert pd.read_csv(tmp_path / "nas" / TABLE)["images"].tolist() == ["noise"]
    assert (tmp_path / "nas/results/table2.md").read_text() in run.text  # naswot.onsuccess()
    assert not [path for path in ("results", "logs", "timings") if (tmp_path / path).exists()]
    assert not (naswot.path / "results").exists()
    assert "Nothing to be done" in project.run("-n", config="config.yaml").text
    naswot.edit("naswot/analysis/correlation.py", "\n# changed\n")
    again = project.run(f"nas/{TABLE}", config="config.yaml")
    assert again.finished == ["naswot_correlate_scores"], again.text
    shard = tmp_path / "nas/results/scores/nasbench201/noise/naswot/0/0000.parquet"
    shard.write_bytes(shard.read_bytes()[:-9])
    assert f"{shard.relative_to(tmp_path)} is damaged" in project.run(config="config.yaml").text


@pytest.fixture
def git(fresh, tmp_path, monkeypatch):
    """Return a function that runs git in a repository of the project that `ADDRESS` leads to."""
    for program in ("git", "snakedeploy"):
        if shutil.which(program) is None:
            lacking(f"{program} is not installed: pip install '.[clouds]' has snakedeploy")
    repository = fresh().copy(tmp_path / "hub/example/naswot").path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # where Snakemake keeps clones
    settings = {
        f"url.file://{tmp_path}/hub/.insteadOf": "https://github.com/",
        "user.name": "naswot",
        "user.email": "naswot@example.org",
    }
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for number, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)

    def call(*arguments: str):
        subprocess.run(["git", *arguments], cwd=repository, check=True)

    call("init", "--quiet")
    return call


def commit(git, tag: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", tag)
    git("tag", tag)


def test_a_deployed_copy_has_its_own_configuration_and_the_code_of_a_tag(git, small, tmp_path):
    commit(git, "v1")
    deploy = ["snakedeploy", "deploy-workflow", ADDRESS, str(tmp_path / "mine"), "--tag", "v1"]
    subprocess.run(deploy, check=True)
    mine = Workdir(tmp_path / "mine")
    (mine.path / "config/config.yaml").write_text(yaml.safe_dump(small))
    run = mine.run(TABLE, config="config/config.yaml")
    assert run.code == 0, run.text
    assert pd.read_csv(mine.path / TABLE)["images"].tolist() == ["noise"]
    assert "Nothing to be done" in mine.run("-n", TABLE, config="config/config.yaml").text
    with (tmp_path / "hub/example/naswot/naswot/analysis/correlation.py").open("a") as code:
        code.write("\n# changed\n")
    commit(git, "v2")
    snakefile = mine.path / "workflow/Snakefile"
    snakefile.write_text(snakefile.read_text().replace('tag="v1"', 'tag="v2"'))
    again = mine.run(TABLE, config="config/config.yaml")
    assert again.finished == ["correlate_scores"], again.text
