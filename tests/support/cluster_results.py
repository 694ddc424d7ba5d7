"""Checks of the results of a run, whatever faults happened during it."""

from pathlib import Path

from soaking.comparing import same
from soaking.whole import damaged, results, temporary

SHARDS = "scores/nasbench201/photos/naswot/0"
JOINED = "results/joined/nasbench201/photos/naswot/0.parquet"


def assert_whole(workdir: Path) -> None:
    """Open every file, to the last byte; each of four shards is there once, and nothing else."""
    wrong = {path: damaged(workdir / "results" / path) for path in results(workdir)}
    assert not [(path, problem) for path, problem in wrong.items() if problem]
    assert temporary(workdir) == []
    shards = sorted(path.name for path in (workdir / "results" / SHARDS).glob("[!.]*"))
    assert shards == [f"{number:04d}.parquet" for number in range(4)]


def assert_same(workdir, reference, *files: str) -> None:
    """Compare files with those of another workdir in all but the clock's readings."""
    assert [file for file in files if not same(workdir.path / file, reference.path / file)] == []
