"""Join scores and accuracies in one table, which all later stages read."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from naswot.errors import NaswotError
from naswot.io.parquet import digest_of, read_metadata, read_parquet, write_parquet
from naswot.runtime.provenance import build_metadata, origin_of
from naswot.spaces.sampling import Sample, first_drawn
from naswot.tables.order import read_order
from naswot.tables.seconds import MEASURED, write_seconds

# Columns of a shard that are kept beside its scores.
ABOUT = ("index", "arch", "relu_units", "relu_modules", "seconds", "build_seconds")
# Metadata that concern a single shard.
OF_ONE_SHARD = ("first", "last", "settings_hash", "seconds", "peak_memory_mib")


def join_accuracies(
    order: str | Path,
    shards: Sequence[str | Path],
    benchmark: str | Path,
    output: str | Path,
    seconds: str | Path,
    *,
    score: str,
    sample: Sample,
) -> None:
    """Write the joined table of one score: every sampled architecture, once.

    Args:
        order: Parquet file of `naswot.stages.sample.sample_architectures`.
        shards: Parquet files of `naswot.stages.score.score_networks`.
        benchmark: the benchmark table.
        output: the joined table; on one machine the same inputs give the same bytes.
        seconds: file for the measured seconds of scoring, see `naswot.tables.seconds`.
        score: name of the score, one of those in the shards.
        sample: number of sampled architectures, or "all".

    Raises:
        NaswotError: a file is damaged, a score is missing or occurs twice, all networks of a custom
            space failed, or shards were scored with different settings.
    """
    scored = pd.concat([read_parquet(path) for path in shards], ignore_index=True)
    if "note" in scored and (scored["note"].ne("") & scored[score].isna()).all():
        arch, note = scored[["arch", "note"]].iloc[0]
        raise NaswotError(f"All {len(scored)} networks failed; the first: {arch}: {note}")
    metadata = [read_metadata(path) for path in (order, benchmark, *shards)]
    drawn = first_drawn(read_order(order), sample, metadata[0]["space"])
    joined = join(drawn, scored, read_parquet(benchmark), score)
    ordered, source, *described_shards = metadata
    for key in ("precision", "relu_count", "batch_size", "image_size"):
        found = sorted({str(about[key]) for about in described_shards if key in about})
        if len(found) > 1:
            raise NaswotError(
                f"The shards in {Path(shards[0]).parent} were scored with {key} "
                f"{' and '.join(found)}, perhaps on different machines: set {key} to one of them, "
                "delete the folder and run again."
            )
    same = {
        key: value
        for key, value in described_shards[0].items()
        if key not in OF_ONE_SHARD and all(other.get(key) == value for other in described_shards)
    }
    settings = {
        "score": score,
        "sample": sample,
        "pool_seed": ordered["seed"],
        "deduplicate": ordered["deduplicate"],
    }
    origin = {"accuracies": source["source"], **origin_of(source), "table": digest_of(benchmark)}
    about = same | settings | build_metadata(**origin)
    write_parquet(joined.drop(columns=MEASURED), output, about)
    peaks = [mib for described in described_shards if (mib := described.get("peak_memory_mib"))]
    write_seconds(joined, seconds, about | {"peak_memory_mib": max(peaks, default=None)})


def join(
    sample: pd.DataFrame, scored: pd.DataFrame, benchmark: pd.DataFrame, score: str
) -> pd.DataFrame:
    """Return `sample` with the score of each representative and the accuracies of each row.

    Rows are sorted by index.

    Args:
        sample: the first rows of `naswot.spaces.sampling.order_architectures`.
        scored: one row per representative, see `naswot.stages.score.score_architectures`.
        score: the column of `scored` that becomes the column `score`.
        benchmark: a benchmark table; its columns with lists, per seed and per epoch, are dropped.

    Raises:
        NaswotError: an architecture was scored twice, not at all, or is not in the benchmark.
    """
    double = scored["index"][scored["index"].duplicated()]
    if len(double):
        raise NaswotError(f"Architecture {double.iloc[0]} was scored in more than one shard.")
    missing = set(sample["representative"]) - set(scored["index"])
    if missing:
        raise NaswotError(
            f"{len(missing)} architectures have no score, the first is {min(missing)}: delete the "
            "folder of shards and run again."
        )
    absent = set(sample["index"]) - set(benchmark["index"])
    if absent:
        raise NaswotError(f"Architecture {min(absent)} is not in the benchmark table.")
    others = [name for name in scored if name not in (score, *ABOUT)]
    named = benchmark.set_index("index")["arch"].reindex(sample["index"])
    strange = sample[named.to_numpy() != sample["arch"].to_numpy()]
    if len(strange):
        raise NaswotError(
            f"Architecture {strange['index'].iloc[0]} is not {strange['arch'].iloc[0]} in the "
            "benchmark table: delete results/architectures and run again."
        )
    scores = scored.drop(columns=["arch", *others])
    scores = scores.rename(columns={"index": "representative", score: "score"})
    accuracies = benchmark.drop(
        columns=[
            "arch",
            *(name for name in benchmark.columns if name.endswith(("/per-seed", "/per-epoch"))),
        ]
    )
    return (
        sample.sort_values("index")
        .merge(scores, on="representative", how="left", validate="m:1")
        .merge(accuracies, on="index", how="left", validate="1:1")
    )
