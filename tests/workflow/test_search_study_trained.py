"""`snakemake search_study_trained`: networks chosen by score beside random ones, trained."""

import pandas as pd
import pytest

from naswot.analysis.search_study_trained import COLUMNS

pytestmark = pytest.mark.slow


def test_chosen_and_random_networks_are_trained_and_compared(fresh):
    workdir = fresh()
    run = workdir.run("search_study_trained")
    assert run.code == 0, run.text
    results = workdir.path / "results"
    table = pd.read_csv(results / "search_study_trained.csv")
    assert list(table.columns) == COLUMNS
    assert table["random"].sum() == 4
    assert table["best"].sum() == table["largest"].sum() == 2
    assert (table["params"] <= 600_000).all()
    assert table["test_accuracy"].between(0, 100).all()
    others = table.loc[~table["best"], "score"]
    assert table.loc[table["best"], "score"].min() >= others.max()
    summary = (results / "search_study_trained.md").read_text(encoding="utf-8")
    assert "random" in summary
    assert (results / "figures/search_study_trained.png").read_bytes().startswith(b"\x89PNG")
    again = workdir.run("search_study_trained")
    assert again.code == 0, again.text
    assert set(again.finished) <= {"search_study_trained"}
