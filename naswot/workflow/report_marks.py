"""Mark tables and figures for `snakemake --report`, with their captions and chapters."""

import os.path
from collections.abc import Callable
from pathlib import Path

from snakemake.io import report

from naswot.reporting.contents import ITEMS
from naswot.workflow import paths
from naswot.workflow.plan import item_of


def in_report(file: str, placed: Callable[[str], str]) -> str:
    """Return a file, marked for `snakemake --report` with its caption and chapter.

    `placed` returns where a path is with the prefix of a module statement.
    """
    item = ITEMS[item_of(file)]
    title = item.title
    if item.name == "scatter":
        title = f"{title}: {', '.join(Path(file).with_suffix('').parts[-2:])}"
    return report(
        file,
        caption=os.path.abspath(placed(paths.CAPTION.format(item=item.name))),
        category=item.category,
        labels={"": title},
    )
