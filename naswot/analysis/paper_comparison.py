"""Compare every number in the paper with ours: the difference, and its known reasons."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from naswot.analysis.paper_differences import REPEATS, of_scoring, of_search
from naswot.analysis.rendering import SPLITS
from naswot.analysis.tables import by_method
from naswot.benchmarks.datasets import DATASETS, TITLES, Dataset, matches
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet
from naswot.spaces import SPACES

COLUMNS = [
    "where",
    "benchmark",
    "dataset",
    "method",
    "quantity",
    "published",
    "published_std",
    "published_n",
    "ours",
    "ours_std",
    "ours_n",
    "ours_accuracy",
    "difference",
    "standard_error",
    "difference_in_se",
    "within_2",
    "reason",
    "note",
]

TABLES = {
    "nasbench101": "Table 1",
    "nasbench201": "Table 2(a)",
    "natsbench_sss": "Table 2(b)",
}
PUBLISHED_RUNS = 500  # number of runs in Table 2; the paper gives none for Table 1
# Standard deviation of tau over samples of 1,000 networks; measured on all scored cells of
# NAS-Bench-201: .0134, .0127 and .0141 (CIFAR-10, CIFAR-100, ImageNet16-120). It scales with 1/√n.
TAU_STD_OF_1000 = 0.0135
MOST_OUTSIDE = 0.05  # share of runs
INTERVAL_IN_SE = 3.92  # width of a 95 % interval of a normal distribution

INITIALISATION = "all runs share one initialisation, whose own chance the standard error leaves out"


def compare_with_paper(
    searches: Sequence[str | Path],
    correlations: str | Path,
    output: str | Path,
    *,
    published: Iterable[str | Path],
    published_taus: str | Path,
    scoring: Mapping[str, Any],
    missing: Mapping[str, str] | None = None,
    initialisations: str | Path | None = None,
) -> None:
    """Write paper_comparison.csv, one row per accuracy and tau in the paper.

    Args:
        searches: Parquet files of `naswot.stages.sample_search` and `naswot.stages.budget_search`.
        correlations: kendall_tau.csv.
        output: the CSV file to write, with the columns `COLUMNS`.
        published: CSV files with the rows of Tables 1 and 2.
        published_taus: CSV file with `space, dataset, score, tau, accuracy, networks, note`.
        scoring: `batch_size, image_size, precision, relu_count, deduplicate` of the run.
        missing: space → the reason why it was left out.
        initialisations: initialisations.csv, if it was made.
    """
    missing = missing or {}
    chance = {} if initialisations is None else chance_of_weights(pd.read_csv(initialisations))
    paper = pd.concat([pd.read_csv(path) for path in published], ignore_index=True)
    taus = pd.read_csv(published_taus)
    rows = [
        *accuracy_rows(paper, searches, scoring, missing, chance),
        *tau_rows(taus, pd.read_csv(correlations), scoring, missing),
    ]
    table = pd.DataFrame([finish(row) for row in rows], columns=COLUMNS)
    table = table.astype({"published_n": "Int64", "ours_n": "Int64"})
    with replacing(output) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")


def finish(row: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the two numbers of a row and add the reason for their difference.

    Args:
        row: the known ones of `COLUMNS`; `absent`, the reason why we have no number, or
            `differences`, the known differences in method; `standard_error` of the difference.
    """
    row = dict(row)
    absent, differences = row.pop("absent", ""), row.pop("differences", ())
    if absent:
        return row | {"reason": absent}
    row["difference"] = row["ours"] - row["published"]
    if not row["standard_error"] > 0:
        return row | {"reason": "there is no spread to compare by"}
    row["difference_in_se"] = row["difference"] / row["standard_error"]
    within = abs(row["difference_in_se"]) <= 2
    row["within_2"] = str(within).lower()
    return row | {"reason": "" if within else "; ".join(differences) or "not explained"}


def accuracy_rows(
    paper: pd.DataFrame,
    searches: Sequence[str | Path],
    scoring: Mapping[str, Any],
    missing: Mapping[str, str],
    chance: Mapping[tuple[str, str, str, str], float],
) -> Iterator[dict[str, Any]]:
    """Yield the row that `finish` takes, for every mean in the published tables.

    The standard error is √(s²/n + s²/n) over both sets of runs. Where `chance` knows the standard
    deviation d between initialisations, 2d² is added in the root: both sets share one each. If
    our runs draw from a random part of the space, so is the square of `pool_deviation` of
    `naswot.stages.sample_search`.
    """
    groups = _groups(searches)
    for row in paper.to_dict("records"):
        space, method = row["benchmark"], row["method"]
        for dataset, about in DATASETS[space].items():
            for split in SPLITS:
                mean, key = row.get(f"{dataset}_{split}_mean"), getattr(about, split)
                if pd.isna(mean):
                    continue
                runs = PUBLISHED_RUNS if pd.isna(row["runs"]) else int(row["runs"])
                found = {
                    "where": TABLES[space],
                    "benchmark": space,
                    "dataset": dataset,
                    "method": method,
                    "quantity": key,
                    "published": mean,
                    "published_std": row[f"{dataset}_{split}_std"],
                    "published_n": runs,
                    "note": _note(row, dataset),
                }
                absent = _absent(row, dataset, groups, missing)
                if absent:
                    yield found | {"absent": absent}
                    continue
                described, ours = groups[space, dataset][method]
                values = ours[split].dropna()
                if values.empty:
                    lacking = f"the benchmark table has no {key} of these architectures"
                    yield found | {"absent": lacking}
                    continue
                differences = _suspicions(row, dataset)
                differences += of_search(space, dataset, described, scoring)
                pools = described.get("pool_deviation", {})
                pool = pools.get(str(ours["sample_size"].iat[0]), {}).get(split) or 0.0
                weights = chance.get((space, dataset, method, key), 0.0)
                if described["method"] == "naswot" and not weights:
                    differences.append(INITIALISATION)
                if len(values) < len(ours):
                    differences.append(
                        f"mean of the {len(values)} of {len(ours)} runs whose architecture has "
                        f"{key}"
                    )
                squares = values.var() / len(values), found["published_std"] ** 2 / runs
                yield found | {
                    "ours": values.mean(),
                    "ours_std": values.std(),
                    "ours_n": len(values),
                    "ours_accuracy": key,
                    "standard_error": np.sqrt(sum(squares) + 2 * weights**2 + pool**2),
                    "differences": differences,
                }


def chance_of_weights(found: pd.DataFrame) -> dict[tuple[str, str, str, str], float]:
    """Return (space, data set, method, accuracy) → standard deviation between initialisations.

    That of a few initialisations is itself uncertain. It is multiplied by Student's t over its
    limit for many, at 95 %, so that two standard errors keep their meaning.

    Args:
        found: initialisations.csv. Where more than `MOST_OUTSIDE` of the runs choose networks that
            were not scored again, the deviation is not known.
    """
    found = found[(found["initialisation"] > 0) & (found["outside"] <= MOST_OUTSIDE)]
    places = found.groupby(["space", "dataset", "sample_size", "accuracy"])["mean"]
    wider = t.ppf(0.975, places.size() - 1) / t.ppf(0.975, np.inf)
    return {
        (space, dataset, f"NASWOT (N={size})", key): float(deviation)
        for (space, dataset, size, key), deviation in (places.std() * wider).dropna().items()
    }


def _groups(searches: Sequence[str | Path]) -> dict[tuple[str, str], dict[str, tuple]]:
    """Return (space, data set) → method's name → metadata and runs, preferring the pool "whole"."""
    groups: dict[tuple[str, str], dict[str, tuple]] = {}
    for path in searches:
        about = read_metadata(path)
        group = groups.setdefault((about["space"], about["dataset"]), {})
        for name, runs in by_method(about, read_parquet(path, ["sample_size", *SPLITS])):
            if name not in group or about["pool"] == "whole":
                group[name] = about, runs
    return groups


def _absent(
    row: Mapping[str, Any], dataset: str, groups: Mapping, missing: Mapping[str, str]
) -> str:
    """Return the reason why no search compares with a published row; "" if there is one."""
    space, method = row["benchmark"], row["method"]
    if space in missing:
        return f"left out: {missing[space]}"
    if space not in {searched for searched, _ in groups}:
        return f"{SPACES[space].title} is not among the spaces of this run"
    group = groups.get((space, dataset))
    if group is None:
        return f"{TITLES[dataset]} was not asked for"
    if method in group:
        reason = group[method][0].get("not_run")
        return f"not run: {reason}" if reason else ""
    kind = method.partition(" (")[0]
    if row["family"] == "weight-sharing":
        known = [name for name in group if name.startswith(f"{kind} (")]
        if known:
            return f"searched by another protocol: {', '.join(known)}"
        return "methods that share weights were not asked for: supernet.tables"
    others = {name: about for name, (about, _) in group.items() if about["method"] == kind.lower()}
    if not others:
        return "the method was not asked for"
    own = [name for name in others if name.partition(" (N=")[0] == kind]
    if not own:
        score = next(iter(others.values()))["score"]
        return f"the searches of this run go by another score, {score}"
    return f"the sample size was not asked for: there is {', '.join(own)}"


def _note(row: Mapping[str, Any], dataset: str) -> str:
    """Return the note of a published row, as far as it concerns the accuracies on `dataset`."""
    note = row["note"] if isinstance(row["note"], str) else ""
    notes = [] if note.startswith("search seconds") or not _is_about(note, dataset) else [note]
    if pd.isna(row["runs"]):
        notes.append(f"the paper gives no number of runs; {PUBLISHED_RUNS} is assumed")
    return "; ".join(note for note in notes if note)


def _suspicions(row: Mapping[str, Any], dataset: str) -> list[str]:
    note = row["note"] if isinstance(row["note"], str) else ""
    return [note] if note.startswith("suspect print") and _is_about(note, dataset) else []


def _is_about(note: str, dataset: str) -> bool:
    """Return whether a note names `dataset` or no data set at all."""
    words = note.replace(":", " ").replace(",", " ").split()
    named = [name for name, title in TITLES.items() if title in words]
    return not named or dataset in named


def tau_rows(
    paper: pd.DataFrame,
    correlations: pd.DataFrame,
    scoring: Mapping[str, Any],
    missing: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Yield the row that `finish` takes, for every published Kendall tau.

    Ours is `tau_plotted` of kendall_tau.csv. The standard error is √(a² + b²). Ours, a, is the
    width of the bootstrap's 95 % interval of `tau` divided by 3.92, times √(n / n_plotted). That of
    the paper's sample of n networks, b, is .0135 · √(1000/n).
    """
    for known in paper.to_dict("records"):
        space, dataset, score = (known[name] for name in ("space", "dataset", "score"))
        found = {
            "where": "Fig. 3",
            "benchmark": space,
            "dataset": dataset,
            "method": {"naswot": "NASWOT"}.get(score, score),
            "quantity": "Kendall tau",
            "published": known["tau"],
            "published_n": known["networks"],
            "note": known["note"],
        }
        if space in missing:
            yield found | {"absent": f"left out: {missing[space]}"}
            continue
        rows = correlations
        for name in ("space", "dataset", "score"):
            rows = rows[rows[name] == known[name]]
            if rows.empty:
                absent = f"kendall_tau.csv has nothing on {known[name]}"
                if name == "space":
                    absent = f"{SPACES[space].title} is not among the spaces of this run"
                yield found | {"absent": absent}
                break
        if rows.empty:
            continue
        ours = closest(rows, known["accuracy"], DATASETS[space][dataset])
        if ours is None:
            lacking = f"kendall_tau.csv has no tau against {known['accuracy']} or the like"
            yield found | {"absent": lacking}
            continue
        differences = []
        if not matches(ours["accuracy"], known["accuracy"]):
            differences.append(f"against {ours['accuracy']} instead of {known['accuracy']}")
        elif space == "nasbench101":
            differences.append(REPEATS)
        differences += of_scoring(space, dataset, ours["images"], scoring)
        spread = (ours["tau_high"] - ours["tau_low"]) / INTERVAL_IN_SE
        spread *= np.sqrt(ours["n"] / ours["n_plotted"])  # it is that of all finite pairs
        sampling = TAU_STD_OF_1000 * np.sqrt(1000 / known["networks"])
        yield found | {
            "ours": ours["tau_plotted"],
            "ours_n": ours["n_plotted"],
            "ours_accuracy": ours["accuracy"],
            "standard_error": np.hypot(spread, sampling),
            "differences": differences,
        }


def closest(rows: pd.DataFrame, accuracy: str, about: Dataset) -> pd.Series | None:
    """Return the row of kendall_tau.csv that compares best with a tau against `accuracy`, or None.

    It is the row with this accuracy; else with another accuracy of the same networks after equally
    many epochs; else with the reported accuracy, preferring the test set.
    """
    rows = rows[np.isfinite(rows["tau_plotted"])]
    first, *_, last = accuracy.split("/")
    reported = about.reported(dict(zip(rows["accuracy"], rows["n"], strict=True)), "test")

    def rank(key: str) -> int:
        name, *_, epochs = key.split("/")
        likeness = [
            matches(key, accuracy),
            (name, epochs) == (first, last),
            key == reported,
        ]
        return likeness.index(True) if any(likeness) else len(likeness)

    ranks = rows["accuracy"].map(rank)
    if rows.empty or ranks.min() == 3:
        return None
    return rows.loc[ranks.idxmin()]
