"""`snakemake weight_sharing`: methods that share weights, from images to the figure."""

import pandas as pd
import pytest

from naswot.analysis.weight_sharing import CELLS, COLUMNS

pytestmark = pytest.mark.slow

SOME = "supernet={searches: {darts_v2: null, setn: null, setn_batch: null, enas_batch: null}}"


def test_searches_with_shared_weights(fresh):
    workdir = fresh()
    run = workdir.run("weight_sharing", "--config", SOME)
    assert run.code == 0, run.text
    results = workdir.path / "results"
    table = pd.read_csv(results / "weight_sharing.csv")
    searches = ["rsps", "darts_v1", "gdas", "enas", "rsps_batch", "gdas_drawn"]
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    assert table["search"].tolist() == [name for name in searches for _ in range(2)]
    assert table["accuracy"].notna().all()
    assert table["title"].str.contains("reduced").all()
    cells = pd.read_csv(results / "weight_sharing_cells.csv")
    assert list(cells.columns) == CELLS
    epochs = pd.read_csv(results / "weight_sharing_epochs.csv")
    assert epochs.groupby("search").size().tolist() == [4] * 6
    page = (results / "weight_sharing.md").read_text(encoding="utf-8")
    assert "epochs = 2 instead of 250" in page
    assert (results / "figures/weight_sharing.png").read_bytes().startswith(b"\x89PNG")
    assert not list(results.glob("supernet/*/*.checkpoint"))
    again = workdir.run("weight_sharing", "--config", SOME)
    assert again.code == 0, again.text
    assert set(again.finished) <= {"weight_sharing"}
