"""What MkDocs calls while it builds the site of mkdocs.yml.

Pages link to files outside docs/ as on a git host, such as ../../CONTRIBUTING.md. Such files, and
those of the navigation that begin with project/, become pages of the site, and the links lead to
these. Between the lines `<!-- generated: NAME -->` and `<!-- end -->` a page gets what
`generated.NAME` returns. A block of code that begins with ```python file=mine.py has the file's
name as its title; other words behind the language are for other programs.
"""

import os
import re
import sys
from pathlib import Path

import mkdocs.structure.files as mkdocs_files

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import generated

# A block of code, or the target of a link to a file and its anchor.
LINK = re.compile(r"^ *```.*?^ *```|\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)", re.M | re.S)
FENCE = re.compile(r"^( *```\w+) (?:file=(\S+)|.*)$", re.M)
GENERATED = re.compile(r"^<!-- generated: (\w+) -->$.*?^<!-- end -->$", re.M | re.S)
LANGUAGES = {".py": "python", ".yaml": "yaml", ".csv": "text"}


def on_files(files, config):
    """Add the files outside docs/ that pages and the navigation name."""
    listed = [path for path in _leaves(config.nav) if path.startswith("project/")]
    waiting = [*DOCS.rglob("*.md"), *(ROOT / path.removeprefix("project/") for path in listed)]
    seen = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if path.suffix == ".md":
            waiting += [target for target in _targets(path) if target.exists()]
        if not path.is_relative_to(DOCS):
            place = _place(path)
            file = mkdocs_files.File.generated(config, place, content=_page(path))
            if place not in listed:
                file.inclusion = mkdocs_files.InclusionLevel.NOT_IN_NAV
            files.append(file)
    return files


def on_page_markdown(markdown, page, **_):
    """Put in generated text, and turn links to files outside docs/ to their pages."""
    markdown = GENERATED.sub(lambda found: getattr(generated, found[1])(), markdown)
    markdown = FENCE.sub(
        lambda found: found[1] + (f' title="{found[2]}"' if found[2] else ""), markdown
    )
    place = page.file.src_uri
    outside = ROOT / place.removeprefix("project/").removesuffix(".md")
    folder = (DOCS / place).parent if not place.startswith("project/") else outside.parent

    def turned(found):
        target = (folder / found[1]).resolve() if found[1] else None
        if target is None or not target.exists():  # MkDocs says what is missing
            return found[0]
        link = os.path.relpath(_place(target), Path(place).parent)
        return f"]({link}{found[2] or ''})"

    return LINK.sub(turned, markdown)


def _leaves(nav):
    """Return the paths of a navigation."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [leaf for part in parts for leaf in _leaves(part)]


def _targets(path):
    """Return what a page links to outside of itself."""
    found = LINK.finditer(path.read_text(encoding="utf-8"))
    return [(path.parent / link[1]).resolve() for link in found if link[1]]


def _place(path):
    """Return where a file or folder of the repository is among the sources of the site."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix()
    place = f"project/{path.relative_to(ROOT).as_posix()}"
    return place if path.suffix == ".md" else f"{place}.md"


def _page(path):
    """Return a file outside docs/, or the text files of a folder, as a page."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    text = f"# {path.relative_to(ROOT)}\n"
    for file in files:
        language = LANGUAGES.get(file.suffix, "text")
        if file.is_file():
            heading = f"## {file.name}\n\n" if path.is_dir() else ""
            text += f"\n{heading}````{language}\n{file.read_text(encoding='utf-8')}````\n"
    return text
