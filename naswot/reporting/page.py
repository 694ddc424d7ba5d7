"""Write results/index.html: all results of a run on one page that works offline."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.io.atomic import replacing
from naswot.reporting.contents import CONTENTS, ITEMS, Item
from naswot.reporting.interactive import PINNED, plots
from naswot.reporting.tables import prose, read_csv, table
from naswot.reporting.templates import render


def write_index(
    output: str | Path,
    *,
    headline: str | Path,
    tables: Sequence[str | Path],
    figures: Sequence[str | Path],
    captions: Sequence[str | Path],
    runs: Sequence[tuple[str, str | Path]],
    seed: int,
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Write the page.

    Args:
        output: the .html file; figures are linked relative to it.
        headline: headline.rst, which begins the page.
        tables: CSV files, named after their items; questions.csv is the summary.
        figures: .png files; those in a folder scatter/ belong to the item "scatter".
        captions: .rst files, named after their items.
        runs: datasets, each with its joined table.
        seed: seed of the random sample of networks in the interactive plots.
        catalogue: the search spaces of the run.

    Raises:
        NaswotError: an input is missing or damaged.
    """
    files = {Path(path).stem: path for path in tables}
    frames = {name: read_csv(path) for name, path in files.items()}
    texts = {Path(path).stem: prose(Path(path).read_text("utf-8")) for path in captions}
    pictures: dict[str, list[str]] = {}
    for path in map(Path, figures):
        item = "scatter" if "scatter" in path.parts else path.stem
        pictures.setdefault(item, []).append(_link(path, output))
    links = {name: _link(path, output) for name, path in files.items()}
    shown = [item for item in CONTENTS if item.name in {**frames, **pictures}]
    shown.remove(ITEMS["questions"])  # it stands above
    spaces = dict.fromkeys(catalogue[Path(path).parts[-4]].space.title for _, path in runs)
    html = render(
        "index.html.jinja",
        headline=prose(Path(headline).read_text("utf-8")),
        scatter={"item": ITEMS["scatter"], "pictures": pictures.get("scatter", [])},
        title=f"naswot: {', '.join(spaces)}",
        chapters=[
            (
                category,
                [_section(item, frames, pictures, texts, links, catalogue) for item in items],
            )
            for category, items in groupby(shown, key=lambda item: item.category)
        ],
        answers=[
            (question, list(lines["answer"]))
            for question, lines in frames["questions"].groupby("question", sort=False)
        ],
        plots=plots(runs, seed, catalogue),
        pinned=PINNED,
    )
    with replacing(output) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _link(path: str | Path, page: str | Path) -> str:
    return Path(path).relative_to(Path(page).parent).as_posix()


def _section(
    item: Item,
    frames: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Sequence[str]],
    texts: Mapping[str, str],
    links: Mapping[str, str],
    catalogue: Catalogue,
) -> dict[str, Any]:
    return {
        "item": item,
        "caption": texts.get(item.name, ""),
        "pictures": pictures.get(item.name, []),
        "table": table(item.name, frames[item.name], catalogue) if item.name in frames else None,
        "link": links.get(item.name),
    }
