"""Whether results are whole: every file is opened."""

import hashlib
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pyarrow.parquet as pq
from PIL import Image


def results(workdir: Path) -> list[Path]:
    """Return every file under results/ that is under its final name, as paths relative to it."""
    folder = workdir / "results"
    found = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted(
        path
        for path in found
        if not path.name.startswith(".") and path.name != "README.md" and (folder / path).is_file()
    )


def temporary(workdir: Path) -> list[Path]:
    """Return what is under temporary names."""
    left = (".tmp", ".part", ".checkpoint")
    return sorted(path for path in (workdir / "results").rglob("*") if path.suffix in left)


def damaged(path: Path) -> str | None:
    """Return what is wrong with a file, or None if it opens and is read to its end."""
    try:
        return _OPENED.get(path.suffix, _read_text)(path)
    except FileNotFoundError:  # a run that still goes on replaced it
        return None
    except Exception as error:  # each format has its own
        return f"{type(error).__name__}: {error}"


def _read_text(path: Path) -> str | None:
    return None if path.read_text(encoding="utf-8").endswith("\n") else "its last line is cut"


def _read_table(path: Path) -> str | None:
    pd.read_csv(path)
    return _read_text(path)


def _read_page(path: Path) -> str | None:
    ends = path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    return None if ends else "it does not end with </html>"


def _read_picture(path: Path) -> str | None:
    with Image.open(path) as image:
        image.load()
    return None


def _read_pdf(path: Path) -> str | None:
    content = path.read_bytes()
    place = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*\Z", content)
    if place is None or not content.startswith(b"%PDF"):
        return "its beginning or end is missing"
    return None if content[int(place[1]) :].startswith(b"xref") else "its table is elsewhere"


def _read_arrays(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        bad = archive.testzip()
    return None if bad is None else f"{bad} in it is damaged"


def _read_checkpoint(path: Path) -> str | None:
    content = path.read_bytes()
    return None if hashlib.sha256(content[32:]).digest() == content[:32] else "its digest differs"


_OPENED = {
    ".parquet": lambda path: pq.read_table(path) and None,
    ".csv": _read_table,
    ".html": _read_page,
    ".svg": lambda path: ElementTree.parse(path) and None,
    ".png": _read_picture,
    ".pdf": _read_pdf,
    ".npz": _read_arrays,
    ".checkpoint": _read_checkpoint,
}
