"""Which modules of the library a script runs, so that changing one re-runs what depends on it.

Snakemake compares a script's own text but not what it imports. These functions follow the
import statements, wherever in a module they stand, and yield files for a rule's input.
"""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "naswot"


def sources(script: str | Path, root: str | Path) -> list[str]:
    """Return the library files that `script` imports, directly or not, relative to `root`.

    The package's own `__init__.py` is left out: it holds no code that a stage runs.
    """
    root = Path(root)
    package = root / PACKAGE / "__init__.py"
    found: set[Path] = set()
    pending = [Path(script)]
    while pending:
        for module in _imported(pending.pop()):
            path = _file_of(module, root)
            if path not in (None, package) and path not in found:
                found.add(path)
                pending.append(path)
    return sorted(str(path.relative_to(root)) for path in found)


@functools.cache
def _imported(path: Path) -> frozenset[str]:
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file_of(module: str, root: Path) -> Path | None:
    if module.split(".")[0] != PACKAGE:
        return None
    base = root.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.exists()), None)


def neighbours(script: str | Path) -> list[str]:
    """Return a user's file and the modules beside it that it imports, directly or not."""
    found = {Path(script)}
    pending = [Path(script)]
    while pending:
        for module in _imported(pending.pop()):
            path = Path(script).with_name(f"{module.split('.')[0]}.py")
            if path.exists() and path not in found:
                found.add(path)
                pending.append(path)
    return sorted(map(str, found))
