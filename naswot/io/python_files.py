"""Find the modules that a Python file imports, without running it."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Return all names that a file imports, anywhere in it: modules and their members."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def local_imports(script: str | Path) -> list[str]:
    """Return a file and the modules in its folder that it imports, directly or not."""
    found = {Path(script)}
    pending = [Path(script)]
    while pending:
        for module in imported(pending.pop()):
            path = Path(script).with_name(f"{module.split('.')[0]}.py")
            if path.exists() and path not in found:
                found.add(path)
                pending.append(path)
    return sorted(map(str, found))
