"""Collect the trainings of the networks that were chosen, and compare the groups."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from naswot.analysis.search_study_trained import COLUMNS, DIGITS, GROUPS, summarise
from naswot.costs.limits import Limits
from naswot.errors import NaswotError
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet
from naswot.reporting.search_study_trained import study_page

MEASURED = ("valid_accuracy", "test_accuracy", "seconds")


def compare_trained(
    candidates: str | Path,
    trainings: Sequence[str | Path],
    output: str | Path,
    summary: str | Path,
    markdown: str | Path,
    *,
    resamples: int,
    seed: int,
) -> None:
    """Write search_study_trained.csv, its summary and its page.

    Args:
        candidates: the file of `naswot.stages.draw_candidates.draw_candidates`.
        trainings: files of `naswot.stages.train_candidate.train_candidate`, by number.
        output, summary, markdown: the files to write.
        resamples, seed: of the bootstrap of Kendall tau.

    Raises:
        NaswotError: a file is damaged, or no network could be trained.
    """
    drawn, about = read_parquet(candidates), read_metadata(candidates)
    table = collect(drawn, trainings)
    if table["test_accuracy"].isna().all():
        raise NaswotError(
            f"search_study_trained: none of {len(table)} networks could be trained; the first: "
            f"{table['note'].iloc[0]}"
        )
    found = summarise(table, resamples, seed)
    trained = next(
        read_metadata(path) for path in trainings if read_metadata(path).get("images") is not None
    )
    described = {
        "space": about["space"],
        "limits": Limits(about["limits"]).text,
        "score": about["score"],
        "drawn": len(drawn),
        "images": trained["images"],
        "image_size": trained["image_size"],
        "train_images": trained["train_images"],
        "epochs": trained["training_epochs"],
        "score_seconds": float(drawn["seconds"].sum()),
        "train_seconds": float(table["train_seconds"].sum()),
    }
    for path, frame in ((output, table.round(DIGITS)), (summary, found.round(4))):
        with replacing(path) as temporary:
            frame.to_csv(temporary, index=False)
    with replacing(markdown) as temporary:
        temporary.write_text(study_page(table, found, described), encoding="utf-8")


def collect(drawn: pd.DataFrame, trainings: Sequence[str | Path]) -> pd.DataFrame:
    """Return one row per trained network, in the order of drawing: the columns `COLUMNS`.

    Args:
        drawn: all networks that were drawn, as in the file of `draw_candidates`.
        trainings: the files of the trainings, by number.

    Raises:
        NaswotError: a file is damaged, or is of another network.
    """
    fitness = drawn["fitness"].to_numpy(float)
    place = pd.Series(-np.where(np.isnan(fitness), -np.inf, fitness)).rank(method="min")
    chosen = drawn.assign(place=place.astype("int64"))
    chosen = chosen[chosen["number"] >= 0].sort_values("number", ignore_index=True)
    rows: list[dict[str, Any]] = []
    for row, path in zip(chosen.to_dict("records"), trainings, strict=False):
        about = read_metadata(path)
        if about["network"] != row["network"]:
            raise NaswotError(f"{path} is of another network: delete it and run again.")
        measured = read_parquet(path, list(MEASURED))
        last = measured.iloc[-1] if len(measured) else pd.Series(np.nan, MEASURED)
        notes = (row["note"], about["note"])
        rows.append(
            {key: row[key] for key in ("draw", "network", *GROUPS, "place", "params", "flops")}
            | {
                "score": row["fitness"],
                "score_seconds": row["seconds"],
                "valid_accuracy": last["valid_accuracy"],
                "test_accuracy": last["test_accuracy"],
                "train_seconds": last["seconds"],
                "note": " ".join(filter(None, notes)),
            }
        )
    types = dict.fromkeys(("params", "flops"), "int64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(types)
