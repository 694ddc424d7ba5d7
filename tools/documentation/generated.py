"""Tables and texts of the site, from the registries of the library: they cannot go stale.

None of this imports torch.
"""

import argparse
import html
import os
import re
from pathlib import Path

import yaml

from naswot.benchmarks.datasets import DATASETS
from naswot.benchmarks.sources import SOURCES
from naswot.cli.help import formatter
from naswot.cli.main import parser
from naswot.scores import FAMILIES
from naswot.spaces import SPACES
from naswot.workflow.schema import read_schema

ROOT = Path(__file__).resolve().parents[2]
PAGE = re.compile(r"docs/([\w-]+/([\w&#;]+)\.md)")  # in escaped text


def scores():
    """Return the scores: what they are, what they need, how long they take."""
    rows = []
    for family in FAMILIES.values():
        for name, summary in family.summaries.items():
            needs = [*family.needs, *(["labels"] if name in family.labelled else [])]
            better = "lower" if name in family.lower_is_better else "higher"
            cost = f"{family.relative_cost:g}"
            rows.append([_code(name), _text(summary), ", ".join(needs) or "nothing", better, cost])
    return _table(["score", "what it is", "needs", "better", "time, naswot = 1"], rows)


def spaces():
    """Return the spaces with benchmarks: their sizes, architectures, data sets and files."""
    rows = []
    for name, space in SPACES.items():
        size = f"{space.size:,}" if space.size else "as many as the file has"
        if space.unique:
            size += f", {space.unique:,} different"
        files = [_shown(source) for source in SOURCES[name]]
        rows.append(
            [
                f"{_code(name)}<br>{_text(space.title)}",
                size,
                _code(space.form or "as the one above"),
                ", ".join(map(_code, DATASETS[name])),
                "<br>".join(files),
            ]
        )
    headings = ["space", "architectures", "how one is written", "data sets", "read from the first"]
    return _table(headings, rows)


def configuration():
    """Return every key of the configuration, in the order of config/config.yaml."""
    text = (ROOT / "config/config.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    values, schema = yaml.safe_load(text), read_schema(ROOT)
    rows, parts = [], []
    for key, node in yaml.compose(text).value:
        title = lines[key.start_mark.line - 1]
        if title.startswith("# "):
            rows = []
            parts.append((title.removeprefix("# "), rows))
        rows += _keys(key, node, values, schema, lines)
    return "\n\n".join(
        f"## {re.sub(r' *[(].*', '', title)}\n\n{_table(['key', 'default', 'meaning'], rows)}"
        for title, rows in parts
    )


def commands():
    """Return the help of every command, with all options."""
    os.environ |= {"COLUMNS": "90", "NO_COLOR": "1"}
    command = parser()
    (subparsers,) = (
        action for action in command._actions if isinstance(action, argparse._SubParsersAction)
    )
    helps = {"naswot": command}
    for name, one in subparsers.choices.items():
        one.formatter_class = formatter(everything=True)
        helps[f"naswot {name}"] = one
    return "\n\n".join(
        f"## {name}\n\n```text\n{one.format_help().rstrip()}\n```" for name, one in helps.items()
    )


def _keys(key, node, values, schema, lines, above=""):
    """Return the rows of a key of config.yaml and of the keys below it that the schema knows."""
    name, value = above + key.value, values[key.value]
    schema = schema["properties"][key.value]
    below = isinstance(node, yaml.MappingNode) and "properties" in schema
    default = "" if below else _flow(value)
    allowed = _text(schema.get("description", ""))
    meaning = [_comment(lines, key), f"<small>It must be {allowed}.</small>" if allowed else ""]
    rows = [[_code(name), _code(default), "<br>".join(filter(None, meaning))]]
    if below:
        for key_below, node_below in node.value:
            rows += _keys(key_below, node_below, value, schema, lines, f"{name}.")
    return rows


def _comment(lines, key):
    """Return the comment beside a key, and in the lines below it that are nothing else."""
    line = key.start_mark.line
    comment = [lines[line].partition(" # ")[2]]
    for following in lines[line + 1 :]:
        if not re.match(" +# ", following):
            break
        comment.append(following.strip().removeprefix("# "))
    return _text(" ".join(comment))


def _flow(value):
    """Return a value as YAML in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _shown(source):
    """Return the file of a benchmark as a reader finds it."""
    path = Path(source.file)
    if path.is_absolute():  # it is in the library
        return f"{_code(path.relative_to(ROOT))}, part of naswot"
    return f"package {_code(path)}" if source.packaged else _code(path)


def _table(headings, rows):
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _code(text):
    return f"<code>{_escaped(text)}</code>" if str(text) else ""


def _text(text):
    """Return plain text, with code between backticks and names of pages, as a cell."""
    text = re.sub("`([^`]*)`", r"<code>\1</code>", _escaped(text))
    return PAGE.sub(
        lambda page: f"[{page[2].replace('&#95;', ' ')}](../{html.unescape(page[1])})", text
    )


def _escaped(text):
    """Return a text in which no character means anything to Markdown or HTML."""
    return re.sub(r"[|*_~^\\\[\]{}<>]", lambda mark: f"&#{ord(mark[0])};", html.escape(str(text)))
