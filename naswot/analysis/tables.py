"""Make Tables 1 and 2 of the paper: the results of searches, measured and published."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from naswot.analysis.rendering import FAMILIES, SPLITS, accuracies, to_latex, to_markdown
from naswot.benchmarks.datasets import DATASETS, TITLES
from naswot.errors import NaswotError
from naswot.io.atomic import replacing
from naswot.io.parquet import read_metadata, read_parquet
from naswot.search.sampling import SAMPLINGS
from naswot.spaces import SPACES


def columns(datasets: Iterable[str]) -> list[str]:
    """Return the columns of a table of `datasets`: a public interface."""
    return [
        "benchmark",
        "family",
        "method",
        "source",
        "runs",
        "search_seconds",
        *(f"{name}_{statistic}" for name in accuracies(datasets) for statistic in ("mean", "std")),
        "note",
    ]


def write_table(
    searches: Sequence[str | Path],
    published: str | Path,
    csv: str | Path,
    markdown: str | Path,
    latex: str | Path,
    *,
    datasets: Sequence[str],
    missing: Sequence[str] = (),
) -> None:
    """Write a table as CSV, with the columns of `columns(datasets)`, as Markdown and as LaTeX.

    Args:
        searches: Parquet files of `naswot.stages.sample_search` and `budget_search`, for
            every space, dataset and method of the table.
        published: CSV file with the paper's rows, in the same columns.
        csv, markdown, latex: the files to write.
        datasets: the table's datasets, in order.
        missing: spaces of the table that were left out because there is no data.
    """
    if not searches:
        wanted = " or ".join(get_spaces(pd.read_csv(published)))
        raise NaswotError(
            f"There is nothing to put into {csv}: name {wanted} in `spaces`, with data, and "
            f"{' or '.join(datasets)} in `datasets`."
        )
    found = [(read_metadata(path), read_parquet(path)) for path in searches]
    paper = pd.read_csv(published)
    searched = {about["space"] for about, _ in found}
    spaces = [space for space in get_spaces(paper) if space in (*searched, *missing)]
    measured = [
        summarise([search for search in found if search[0]["space"] == space], space, datasets)
        for space in spaces
        if space in searched
    ]
    table = merge(
        paper[paper["benchmark"].isin(spaces)],
        pd.concat(measured, ignore_index=True),
        datasets,
    )
    with replacing(csv) as temporary:
        table.to_csv(temporary, index=False, float_format="%.2f")
    remarks = [
        f"Nothing was measured on {SPACES[space].title}: there is no data of it."
        for space in missing
    ]
    for path, rendered in ((markdown, to_markdown), (latex, to_latex)):
        with replacing(path) as temporary:
            temporary.write_text(rendered(table, datasets, remarks), encoding="utf-8")


def get_spaces(paper: pd.DataFrame) -> list[str]:
    """Return the benchmarks of the published rows, in their order."""
    return list(dict.fromkeys(paper["benchmark"]))


def summarise(
    searches: Sequence[tuple[Mapping, pd.DataFrame]], space: str, datasets: Sequence[str]
) -> pd.DataFrame:
    """Return one measured row per method, sample size and pool.

    Args:
        searches: metadata and rows of each search on the space, one row per run.
        space: the benchmark.
        datasets: the table's datasets, in order.

    Returns:
        The columns of `columns(datasets)`; mean and standard deviation over runs, in percent.
        Values that the runs lack are empty, with the reason in `note`.
    """
    groups: dict[tuple, dict[str, tuple[Mapping, pd.DataFrame]]] = {}
    for about, runs in searches:
        for name, part in by_method(about, runs):
            groups.setdefault((name, pool_of(about)), {})[about["dataset"]] = about, part
    rows = [_row(name, pool, group, space, datasets) for (name, pool), group in groups.items()]
    return pd.DataFrame(rows, columns=columns(datasets))


def by_method(about: Mapping, runs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name in tables of each method in a search's file, and its runs."""
    for size in runs["sample_size"].unique() if len(runs) else [0]:
        sampling = SAMPLINGS.get(about["method"])
        title = "{title}" if sampling is None else sampling.title
        name = title.format(title=about["title"], size=size)
        yield name, runs[runs["sample_size"] == size] if len(runs) else runs


def _row(
    name: str,
    pool: str,
    group: Mapping[str, tuple[Mapping, pd.DataFrame]],
    space: str,
    datasets: Sequence[str],
) -> dict:
    """Return the measured row of one method; `group` has each dataset's metadata and runs."""
    done = {dataset: part for dataset, part in group.items() if len(part[1])}
    row = {
        "benchmark": space,
        "family": next(iter(group.values()))[0].get("search_family", "training-free"),
        "method": name,
        "source": "measured",
        "runs": max((len(runs) for _, runs in done.values()), default=0),
        "search_seconds": pd.Series(
            [runs["search_seconds"].mean() for _, runs in done.values()], dtype=float
        ).mean(),
    }
    notes = _how(done)
    if pool:
        notes.append(pool)
    for dataset in datasets:
        if dataset not in group:
            notes.append(f"{TITLES[dataset]} was not asked for")
        elif dataset in done:
            for split in SPLITS:
                values = done[dataset][1][split]
                row[f"{dataset}_{split}_mean"] = values.mean()
                row[f"{dataset}_{split}_std"] = values.std()
    for dataset, (about, runs) in group.items():
        if not len(runs):
            where = f" for {TITLES[dataset]}" if done else ""
            notes.append(f"not run{where}: {about['not_run']}")
    keys = {
        key: runs[split].isna()
        for dataset, (_, runs) in done.items()
        for split in SPLITS
        if (key := getattr(DATASETS[space][dataset], split))
    }
    lacking = [key for key, absent in keys.items() if absent.all()]
    if lacking:
        notes.append(f"the benchmark table has no {', '.join(lacking)} of these architectures")
    notes.extend(
        f"mean of the {(~absent).sum()} of {len(absent)} runs whose architecture has {key}"
        for key, absent in keys.items()
        if absent.any() and not absent.all()
    )
    return row | {"note": "; ".join(dict.fromkeys(notes))}


def _how(done: Mapping[str, tuple[Mapping, pd.DataFrame]]) -> list[str]:
    """Return notes on how a method searched: images of the scores, fitness and budget."""
    described = [about for about, _ in done.values()]
    notes = []
    if any(about["method"] == "optimal" for about in described):
        notes.append("best of the N on each split by itself")
    unscored = {name for name, sampling in SAMPLINGS.items() if not sampling.scored}
    scored = [about for about in described if about["method"] not in unscored]
    others = {about["score"] for about in scored if "score" in about} - {"naswot"}
    notes += [f"by the score {score}: not in the paper" for score in sorted(others)]
    images = sorted({about["images"] for about in scored if "images" in about})
    if images:
        notes.append(f"scored on {', '.join(images)}")
    trained = [about for about in described if "fitness_epochs" in about]
    for about in trained:
        budget = f"{about['budget']:,.0f} {about['budget_unit']}"
        notes.append(f"fitness {about['fitness']}, budget {budget}")
    return notes + [about["note"] for about in trained if about["note"]]


def pool_of(about: Mapping) -> str:
    """Return in words the pool that a search drew from; "" if every architecture was scored."""
    if about["method"] not in SAMPLINGS or about.get("sample") == "all":
        return ""
    if "sample" not in about:
        return "drawn from the whole space"
    size, seed = about["sample"], about["pool_seed"]
    return f"drawn from a random pool of {size:,} architectures (seed {seed})"


def merge(published: pd.DataFrame, measured: pd.DataFrame, datasets: Sequence[str]) -> pd.DataFrame:
    """Return both tables as one, each measured row below the published row of its method.

    Methods are in the order of their first rows; those that differ only in N follow each other.
    """
    table = pd.concat([published.astype(object), measured.astype(object)], ignore_index=True)
    names = table["method"].str.extract(r"(?P<stem>.*?)(?: \(N=(?P<size>\d+)\))?$")
    order = pd.DataFrame(
        {
            "benchmark": _places(table["benchmark"]),
            "family": table["family"].map({name: number for number, name in enumerate(FAMILIES)}),
            "stem": _places(names["stem"]),
            "size": names["size"].fillna(0).astype(int),
            "source": table["source"].map({"published": 0, "measured": 1}),
        }
    )
    named = columns(datasets)
    ordered = table.loc[order.sort_values(list(order), kind="stable").index, named]
    numbers = [name for name in named if name.endswith(("_seconds", "_mean", "_std"))]
    return ordered.astype(dict.fromkeys(numbers, float)).reset_index(drop=True)


def _places(names: pd.Series) -> pd.Series:
    """Return the number of each name, from 0 in the order of first appearance."""
    return names.map({name: number for number, name in enumerate(dict.fromkeys(names))})
