"""Fill in captions: one template per item, with the configuration and the verdicts on claims."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined, TemplateError

from naswot.benchmarks.catalogue import BUILT_IN, Catalogue
from naswot.errors import NaswotError
from naswot.io.atomic import replacing


def write_captions(
    templates: Sequence[str | Path],
    claims: str | Path | None,
    outputs: Sequence[str | Path],
    *,
    config: Mapping[str, Any],
    catalogue: Catalogue = BUILT_IN,
) -> None:
    """Fill in caption templates and write one file for each.

    A template is reStructuredText with Jinja. Its variables are `config`, the titles of the search
    `spaces`, and the `claims` of its own item, each with `claim`, `verdict` and `found`.

    Args:
        templates: .rst files, named after the item.
        claims: claims.csv; None where no template has claims.
        outputs: .rst files to write, one for each template.
        config: the configuration of the run.
        catalogue: the search spaces of the run.

    Raises:
        NaswotError: a template cannot be filled in; the message names it.
    """
    # The output is reStructuredText, which has its own escapes.
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701, no HTML
    environment.filters["rst"] = escape
    found = pd.DataFrame({"figure": []})
    if claims is not None:
        found = pd.read_csv(claims, dtype=str, keep_default_na=False)
    spaces = [catalogue[name].space.title for name in config["spaces"]]
    for template, output in zip(map(Path, templates), outputs, strict=True):
        own = found[found["figure"] == template.stem].to_dict("records")
        try:
            text = environment.from_string(template.read_text(encoding="utf-8"))
            filled = text.render(config=config, spaces=spaces, claims=own)
        except TemplateError as error:
            raise NaswotError(f"{template} cannot be filled in ({error}).") from error
        with replacing(output) as temporary:
            temporary.write_text(filled.strip() + "\n", encoding="utf-8")


def escape(text: str) -> str:
    """Return reStructuredText that renders as exactly `text`, on one line and without links.

    It is escaped for Jinja too, as Snakemake fills in captions a second time for its report.
    """
    text = " ".join(text.split())
    for character in "\\*`_|:@{%#":
        text = text.replace(character, f"\\{character}")
    return text
