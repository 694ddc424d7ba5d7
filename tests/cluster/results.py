"""What must be so of results whatever happened to a run."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from naswot.parquet import read_parquet

OPENERS = {
    ".parquet": read_parquet,
    ".csv": pd.read_csv,
    ".npz": lambda path: [np.load(path)[name] for name in np.load(path).files],
    ".png": lambda path: Image.open(path).load(),
}
SHARDS = "scores/nasbench201/photos/naswot/0"
JOINED = "results/joined/nasbench201/photos/naswot/0.parquet"
CLOCKS = ["seconds", "build_seconds", "search_seconds"]


def assert_whole(results: Path) -> None:
    """Open every file under its final name, to the last byte; each of four shards is there once."""
    for path in results.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            OPENERS.get(path.suffix, Path.read_bytes)(path)
    shards = sorted(path.name for path in (results / SHARDS).glob("[!.]*"))
    assert shards == [f"{number:04d}.parquet" for number in range(4)]


def assert_same(workdir, reference, *files: str) -> None:
    """Compare tables with those of another workdir in all but the clock's readings."""
    for file in files:
        read = read_parquet if file.endswith(".parquet") else pd.read_csv
        ours, theirs = (read(one.path / file) for one in (workdir, reference))
        known = [name for name in CLOCKS if name in theirs]
        pd.testing.assert_frame_equal(ours.drop(columns=known), theirs.drop(columns=known))
