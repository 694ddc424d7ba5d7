"""Compare searches that a score assists with REA, which uses none, in paired runs."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from naswot.analysis.rendering import SPLITS
from naswot.benchmarks.datasets import DATASETS, TITLES
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet
from naswot.search import METHODS
from naswot.spaces import SPACES

REFERENCE = "rea"
ASSISTED = tuple(name for name, method in METHODS.items() if method.scores != "none")
CONFIDENCE, POWER = 0.95, 0.8

COLUMNS = [
    "space",
    "dataset",
    "split",
    "accuracy",
    "method",
    "title",
    "score",
    "runs",
    "rea_mean",
    "method_mean",
    "difference",
    "difference_low",
    "difference_high",
    "difference_std",
    "correlation",
    "standard_error",
    "standard_error_unpaired",
    "runs_needed",
    "runs_needed_unpaired",
    "note",
]
WHOLE_NUMBERS = ("runs", "runs_needed", "runs_needed_unpaired")


def compare_with_rea(
    searches: Sequence[str | Path], output: str | Path, markdown: str | Path
) -> None:
    """Write assistance.csv, with the columns `COLUMNS`, and one sentence per row as Markdown.

    Args:
        searches: Parquet files of `naswot.stages.budget_search`, of REA and of methods that use
            scores; others are ignored. Searches that were not run have no row.
        output, markdown: the files to write.
    """
    found: dict[tuple[str, str], dict[tuple, tuple[Mapping, pd.DataFrame]]] = {}
    about: Mapping
    for path in searches:
        about = read_metadata(path)
        if about["method"] in (REFERENCE, *ASSISTED) and "not_run" not in about:
            group = found.setdefault((about["space"], about["dataset"]), {})
            key = about["method"], about.get("score")
            group[key] = about, read_parquet(path, ["run", "seed", *SPLITS])
    rows = []
    for (space, dataset), group in found.items():
        alone = group.pop((REFERENCE, None), None)
        if alone is None:
            continue
        for (method, _), (about, runs) in sorted(group.items(), key=_place):
            place = {"space": space, "dataset": dataset, "method": method}
            place |= {name: about[name] for name in ("title", "score", "note")}
            pairs = alone[1].merge(runs, on=["run", "seed"], suffixes=("", "_method"))
            for split in SPLITS:
                key = getattr(DATASETS[space][dataset], split)
                both = pairs[[split, f"{split}_method"]].dropna()
                if len(both) > 1:
                    place |= {"split": split, "accuracy": key}
                    rows.append(place | assist(*both.to_numpy(float).T))
    table = pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
    with replacing(markdown) as temporary:
        temporary.write_text(to_markdown(table), encoding="utf-8")


def _place(item: tuple) -> int:
    """Return the place of a method among `ASSISTED`; its scores stay in their order."""
    (method, _), _ = item
    return ASSISTED.index(method)


def assist(reference: np.ndarray, method: np.ndarray) -> dict[str, float]:
    """Return the gain of a method over a reference, both (n,) accuracies of the same n > 1 seeds.

    The difference d is the mean of the n differences; its 95 % interval is Student's t.
    `runs_needed` is the number of pairs of runs that would show a difference of size d, two-sided
    at the 5 % level with a power of 80 %: ((z.975 + z.8) · sd / |d|)², rounded up, at least 2,
    where sd is the standard deviation of the differences. `runs_needed_unpaired` is the number of
    runs of each method with different seeds; there sd² is the sum of the two variances. Both are
    None where d is 0. `standard_error` and `standard_error_unpaired` are sd / √n. `correlation` is
    that of the pairs, NaN where one side is constant.
    """
    differences = method - reference
    n, mean, std = len(differences), differences.mean(), differences.std(ddof=1)
    unpaired = np.sqrt(reference.var(ddof=1) + method.var(ddof=1))
    error = std / np.sqrt(n)
    half = t.ppf((1 + CONFIDENCE) / 2, n - 1) * error
    constant = np.ptp(reference) == 0 or np.ptp(method) == 0
    return {
        "runs": n,
        "rea_mean": reference.mean(),
        "method_mean": method.mean(),
        "difference": mean,
        "difference_low": mean - half,
        "difference_high": mean + half,
        "difference_std": std,
        "correlation": np.nan if constant else np.corrcoef(reference, method)[0, 1],
        "standard_error": error,
        "standard_error_unpaired": unpaired / np.sqrt(n),
        "runs_needed": runs_needed(mean, std),
        "runs_needed_unpaired": runs_needed(mean, unpaired),
    }


def runs_needed(difference: float, std: float) -> int | None:
    """Return the number of runs that would show a difference, by the formula in `assist`."""
    if difference == 0:
        return None
    quantiles = norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER)
    return max(2, ceil((quantiles * std / abs(difference)) ** 2))


def to_markdown(table: pd.DataFrame) -> str:
    """Return one sentence per row of assistance.csv, under one heading per space."""
    lines = [
        "# What a training-free score adds to REA",
        "",
        "Runs are paired by seed; ± is half of a 95 % interval. The runs needed would show a",
        "difference of the size found 8 times in 10, two-sided at the 5 % level.",
    ]
    for space, rows in table.groupby("space", sort=False):
        lines += ["", f"## {SPACES[space].title}", ""]
        lines += [f"- {sentence(row)}" for row in rows.to_dict("records")]
        for note, noted in rows[rows["note"] != ""].groupby("note", sort=False):
            lines += ["", f"{', '.join(noted['title'].unique())}: {note}."]
    if table.empty:
        lines += ["", "There is nothing to compare: no such search was run beside REA."]
    return "\n".join(lines) + "\n"


def sentence(row: Mapping) -> str:
    """Return a row of assistance.csv as a sentence."""
    name, needed = row["title"], row["runs_needed"]
    split = {"valid": "validation"}.get(row["split"], row["split"])
    place = f"{TITLES[row['dataset']]} {split} over {row['runs']:,} paired runs"
    if pd.isna(needed):
        return f"{name} equals REA on {place}."
    verb = "beats" if row["difference"] > 0 else "trails"
    half = (row["difference_high"] - row["difference_low"]) / 2
    found = f"{name} {verb} REA by {abs(row['difference']):.2f} ± {half:.2f} points on {place}"
    if abs(row["difference"]) > half:
        verdict = f"more than chance; {_about(needed)} runs would do to tell"
    else:
        verdict = f"within chance; {_about(needed)} runs would be needed to tell"
    return f"{found}, {verdict}."


def _about(runs: int) -> str:
    """Return a number of runs, rounded to two significant digits, as text."""
    digits = len(str(runs)) - 2
    return f"{runs}" if digits <= 0 else f"some {round(runs, -digits):,}"
