"""Write what a reader of a run came for: the paper's main numbers beside ours, as small tables."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.reporting.captions import escape
from naswot.reporting.tables import written

METHODS = "NASWOT|Random|Optimal"  # the paper's own method, and what bounds it


def headline(frames: Mapping[str, pd.DataFrame], catalogue: Catalogue = BUILT_IN) -> str:
    """Return reStructuredText with one table of accuracies and one of Kendall tau per space.

    The accuracies are those of the first data set and split that a space was searched by. Where the
    paper has no Kendall tau of any space of the run, ours stand alone.

    Args:
        frames: the content of kendall_tau.csv and, if it exists, paper_comparison.csv.
        catalogue: the search spaces of the run.
    """
    taus = frames["kendall_tau"]
    shown = taus.dropna(subset=["published"])
    if shown.empty:
        shown = taus.drop_duplicates(["space", "dataset"])
    tables = list(_taus(shown, catalogue))
    if "paper_comparison" in frames:
        tables = [*_accuracies(frames["paper_comparison"], catalogue), *tables]
    return "\n".join(tables)


def _accuracies(compared: pd.DataFrame, catalogue: Catalogue) -> Iterator[str]:
    searched = compared[compared["ours_std"].notna() & compared["method"].str.match(METHODS)]
    for space, rows in searched.groupby("benchmark", sort=False):
        first = rows.iloc[0]
        about = catalogue[space].datasets[first["dataset"]]
        split = "validation" if first["quantity"] == about.valid else "test"
        title = f"{catalogue.title(space, about.name)}: {split} accuracy in percent"
        more = (
            f"{first['quantity']}; mean ± standard deviation of {first['published_n']:.0f} runs "
            f"in the paper and {first['ours_n']:.0f} here"
        )
        cells = [
            [
                row["method"],
                _spread(row["published"], row["published_std"]),
                _spread(row["ours"], row["ours_std"]),
            ]
            for row in rows[rows["quantity"] == first["quantity"]].to_dict("records")
        ]
        yield _grid(title, more, ["Method", "Paper", "Ours"], cells)


def _taus(taus: pd.DataFrame, catalogue: Catalogue) -> Iterator[str]:
    for (space, score), rows in taus.groupby(["space", "score"], sort=False):
        title = f"{catalogue[space].space.title}: Kendall tau of {score} and accuracy"
        networks = dict.fromkeys(written(n, 0) for n in (rows["n"].min(), rows["n"].max()))
        more = f"ours of {' to '.join(networks)} networks, whose accuracies are named by data set, "
        more += "split and epochs"
        if rows["published"].notna().any():
            more += "; the paper's (Fig. 3) against test accuracies"
        cells = [
            [
                row["accuracy"],
                "" if pd.isna(row["published"]) else written(row["published"], 3),
                f"{written(row['tau'], 3)} "
                f"[{written(row['tau_low'], 3)}, {written(row['tau_high'], 3)}]",
            ]
            for row in rows.to_dict("records")
        ]
        heads = ["Accuracy", "Paper", "Ours, 95 % interval"]
        yield _grid(title, more, heads, cells)


def _spread(value: float, std: float) -> str:
    return f"{written(value, 2)} ± {written(std, 2)}"


def _grid(title: str, more: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in reStructuredText; its caption is a title and what `more` is to say."""
    caption = f".. list-table:: **{escape(title)}**; {escape(more)}"
    lines = [caption, "   :header-rows: 1", "   :widths: auto", ""]
    for row in [heads, *rows]:
        first, *others = map(escape, row)
        lines += [f"   * - {first}", *(f"     - {cell}".rstrip() for cell in others)]
    return "\n".join([*lines, ""])
