"""A custom space in which a network fails: the others are ranked and searched."""

import pandas as pd
import pytest

from naswot.io.parquet import read_parquet

pytestmark = pytest.mark.slow

SPACE = """
from torch import nn

def build(arch, classes):
    width = int(arch)
    if width == 13:
        raise ValueError("no such width")
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(width, classes))
"""
CONFIG = """
custom_spaces:
  widths: {networks: space.py, accuracies: widths.csv}
spaces: [widths]
scores: [naswot, grad_norm, vote]
sample: all
shard_size: 3
"""
WIDTHS = range(5, 17)


def test_a_network_that_fails_leaves_the_ranking_of_the_others(fresh, root):
    workdir = fresh()
    (workdir.path / "space.py").write_text(SPACE)
    rows = "".join(f"{width},{50 + 2 * width},{50 + width}\n" for width in WIDTHS)
    (workdir.path / "widths.csv").write_text(f"arch,a/val/9,a/test/9\n{rows}")
    (workdir.path / "custom.yaml").write_text((root / "config/ci.yaml").read_text() + CONFIG)
    results = workdir.path / "results"
    searches = [f"results/search/widths/custom/whole/{name}.parquet" for name in ("area", "rea")]
    searches.append("results/search/widths/custom/scored/naswot.parquet")
    wanted = ["results/kendall_tau.csv", "results/kernels/widths/custom/0.npz", *searches]
    run = workdir.run(*wanted, config="custom.yaml")
    assert run.code == 0, run.text
    shards = [
        read_parquet(path) for path in (results / "scores/widths").rglob("naswot/**/*.parquet")
    ]
    scored = pd.concat(shards).set_index("arch")
    assert len(scored) == len(WIDTHS)
    said = "build('13') failed (ValueError: no such width)."
    assert scored.at["13", "note"].endswith(said)
    assert scored["naswot"].isna().sum() == 1
    assert scored["note"].ne("").sum() == 1
    assert "1 of 3 networks failed, see note; the first: architecture 8 (13): " in run.text
    taus = pd.read_csv(results / "kendall_tau.csv").query("score != 'vote'")
    assert (taus["n"] == len(WIDTHS) - 1).all()
    assert taus["note"].str.contains("1 scores are nan").all()
    chosen = pd.concat([read_parquet(workdir.path / searches[-1])])
    assert len(chosen)
    assert "13" not in set(chosen.query("method == 'naswot'")["arch"])
    assert chosen["search_seconds"].notna().all()
