"""Find the modules that a Python file imports, without running it."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Return all names that a file imports, anywhere in it: modules and their members.

    Names of relative imports begin with their dots.
    """
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))))


# Where statements hold other statements; expressions hold no imports.
BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


def _names(tree: ast.AST) -> Iterator[str]:
    pending = [tree]
    while pending:
        node = pending.pop()
        pending += [inner for block in BLOCKS for inner in getattr(node, block, ())]
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            if node.module:
                yield start
            joint = "." if node.module else ""
            yield from (f"{start}{joint}{alias.name}" for alias in node.names)


def local_imports(script: str | Path) -> list[str]:
    """Return a file, and what it imports from beside it and its package, directly or not."""
    found = {Path(script)}
    pending = [Path(script)]
    while pending:
        importing = pending.pop()
        for module in imported(importing):
            for path in _files_of(module, importing):
                if path not in found:
                    found.add(path)
                    pending.append(path)
    return sorted(map(str, found))


def code_digest(script: str | Path) -> str:
    """Return a digest of the names and contents of the files of `local_imports`."""
    digest = hashlib.sha256()
    for path in local_imports(script):
        digest.update(f"{Path(path).name}\0".encode() + Path(path).read_bytes())
    return digest.hexdigest()


def _files_of(module: str, importing: Path) -> Iterator[Path]:
    """Yield the files of a module, if it lies beside the file that imports it or in its package."""
    name = module.lstrip(".")
    level, parts = len(module) - len(name), name.split(".")
    place = importing.parent
    if level:
        place = [place, *importing.parents][level]
    elif (place / "__init__.py").exists():
        while (place / "__init__.py").exists():
            package, place = place.name, place.parent
        if parts[0] != package:
            return  # another package, installed beside this one
    elif place.name in ("site-packages", "dist-packages"):
        return
    for count in range(1, len(parts) + 1):
        base = place.joinpath(*parts[:count])
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if path.is_file():
                yield path
