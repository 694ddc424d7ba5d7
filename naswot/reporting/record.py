"""Write the record of a run: settings, data, versions, run times, and what is missing."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.benchmarks.table import accuracy_keys
from naswot.errors import NaswotError
from naswot.images import get_source
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet
from naswot.runtime.cpu import processor_name
from naswot.runtime.provenance import package_version
from naswot.tables.seconds import read_seconds

RECORD = ["topic", "item", "value"]
TIMES = ["stage", "what", "jobs", "seconds", "longest", "max_rss_mb"]
PACKAGES = ("snakemake", "torch", "numpy", "pandas", "pyarrow", "scipy", "matplotlib")
DIFFERENT = " (not the default)"


def record_run(
    output: str | Path,
    *,
    joined: Sequence[str | Path],
    seconds: Sequence[str | Path],
    searches: Sequence[str | Path],
    config: Mapping[str, Any],
    defaults: str | Path,
    missing: Mapping[str, str],
    omitted: Mapping[str, str],
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write run.csv, columns `RECORD`.

    Args:
        output: the CSV file.
        joined: joined tables; their metadata say how the networks were scored.
        seconds: the file of scoring times of each joined table.
        searches: results of searches; their metadata say which were not run, and why.
        config: the configuration of the run.
        defaults: config.yaml, to find the settings that differ from it.
        missing: space → the reason why it was left out.
        omitted: figure or other result → the reason why it was left out.
        catalogue: the search spaces of the run.
    """
    rows = [
        *_scored(dict(zip(joined, seconds, strict=True)), catalogue),
        *_searched(searches, catalogue),
        *_missing(joined, searches, missing, catalogue),
        *(("what is missing", what, why) for what, why in omitted.items()),
        *_versions(joined),
        *_settings(config, defaults),
    ]
    with replacing(output) as temporary:
        pd.DataFrame(rows, columns=RECORD).to_csv(temporary, index=False)


def sum_run_times(
    output: str | Path, *, timings: Sequence[str | Path], stages: Mapping[str, str]
) -> None:
    """Write run_times.csv, columns `TIMES`: one row per stage, in the order of `stages`.

    Args:
        output: the CSV file.
        timings: files that Snakemake wrote for jobs, timings/{stage}/….tsv. Missing files, of jobs
            that ran elsewhere, are ignored.
        stages: stage → its description.

    Raises:
        NaswotError: a file was not written by Snakemake.
    """
    jobs: dict[str, list[tuple[float, float]]] = {stage: [] for stage in stages}
    for path in filter(Path.exists, map(Path, timings)):
        stage = path.with_suffix("").parts[path.parts.index("timings") + 1]
        try:
            measured = pd.read_csv(path, sep="\t", na_values="-").iloc[-1]
            jobs[stage].append((float(measured["s"]), float(measured["max_rss"])))
        except (ValueError, KeyError, IndexError) as error:
            raise NaswotError(
                f"{path} has no run times of Snakemake ({error}); delete it and run again."
            ) from error
    rows = [
        (
            stage,
            stages[stage],
            len(measured),
            sum(seconds for seconds, _ in measured),
            max(seconds for seconds, _ in measured),
            np.nanmax([memory for _, memory in measured] + [0.0]),
        )
        for stage, measured in jobs.items()
        if measured
    ]
    with replacing(output) as temporary:
        frame = pd.DataFrame(rows, columns=TIMES)
        frame.to_csv(temporary, index=False, float_format="%.2f")


def _scored(
    joined: Mapping[str | Path, str | Path], catalogue: Catalogue
) -> Iterator[tuple[str, str, str]]:
    for path, seconds in joined.items():
        about = read_metadata(path)
        table = read_parquet(path, ["score", "representative"])
        score, space = table["score"].to_numpy(float), catalogue[about["space"]].space
        own = table["representative"].nunique()
        size = f" of {space.size:,}" if space.size else ""
        text = f"{len(table):,}{size} networks"
        if own < len(table):
            text += f", {own:,} of them scored, which the others share"
        for name, found in (("−∞", np.isneginf), ("∞", np.isposinf), ("NaN", np.isnan)):
            count = int(found(score).sum())
            if count:
                text += f"; {count:,} score {name}"
        text += f"; {read_seconds(seconds)['seconds'].median():.3f} s a network (median)"
        yield "what was run", f"{space.title}, {about['score']}", text
        size = about["image_size"]
        origin = get_source(about["images"]).origin
        text = f"{about['batch_size']} of {about['images']}, {size}×{size} pixels: {origin}"
        yield "what was run", f"{space.title}, images", text
        text = about["accuracies"]
        if about["source_file"]:
            text += f"; {about['source_file']}, SHA-256 {about['source_sha256']}"
        yield "what was run", f"{space.title}, accuracies", text


def _searched(
    searches: Sequence[str | Path], catalogue: Catalogue
) -> Iterator[tuple[str, str, str]]:
    found: dict[str, dict[str, None]] = {}
    budgets: dict[str, dict[str, None]] = {}
    for path in searches:
        about = read_metadata(path)
        if "not_run" in about:
            continue
        space = catalogue[about["space"]].space.title
        found.setdefault(space, {})[about["title"]] = None
        if about.get("budget") is not None and "fitness" in about:
            text = f"{about['fitness']} within {about['budget']:,.0f} {about['budget_unit']}"
            budgets.setdefault(space, {})[text] = None
    for space, titles in found.items():
        yield "what was run", f"{space}, searches", ", ".join(titles)
    for space, texts in budgets.items():
        yield "what was run", f"{space}, searches by trained accuracy go by", "; ".join(texts)


def _missing(
    joined: Sequence[str | Path],
    searches: Sequence[str | Path],
    missing: Mapping[str, str],
    catalogue: Catalogue,
) -> Iterator[tuple[str, str, str]]:
    for space, reason in missing.items():
        yield "what is missing", catalogue[space].space.title, reason
    for path in dict.fromkeys(joined):
        about = read_metadata(path)
        parts = {key.split("/")[1] for key in accuracy_keys(read_parquet(path))}
        if not any("test" in part for part in parts):
            text = f"the table ({about['accuracies']}) has {' and '.join(sorted(parts))} only"
            yield (
                "what is missing",
                f"{catalogue[about['space']].space.title}, test accuracies",
                text,
            )
    for path in searches:
        about = read_metadata(path)
        if "not_run" in about:
            where = catalogue.title(about["space"], about["dataset"])
            yield "what is missing", f"{about['title']} on {where}", about["not_run"]


def _versions(joined: Sequence[str | Path]) -> Iterator[tuple[str, str, str]]:
    abouts = [read_metadata(path) for path in joined]
    for key in ("naswot", "python", "torch", "numpy", "device", "threads"):
        seen = dict.fromkeys(str(about[key]) for about in abouts if key in about)
        yield "scored with", key, ", ".join(seen)
    yield "reported with", "python", platform.python_version()
    for name in PACKAGES:
        yield "reported with", name, package_version(name)
    yield "reported with", "system", platform.platform()
    yield "reported with", "processor", processor_name()
    yield "reported with", "cores", str(os.cpu_count())


def _settings(config: Mapping[str, Any], defaults: str | Path) -> Iterator[tuple[str, str, str]]:
    usual = dict(_flat(yaml.safe_load(Path(defaults).read_text(encoding="utf-8"))))
    other = [key for key, value in _flat(config) if usual.get(key) != value]
    yield "settings", "other than the default configuration", ", ".join(other) or "none"
    for key, value in _flat(config):
        yield "settings", key, f"{value}{'' if usual.get(key) == value else DIFFERENT}"


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
