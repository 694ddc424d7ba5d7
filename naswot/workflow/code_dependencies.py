"""Which modules of the library a script runs, so that changing one re-runs what depends on it.

Snakemake compares a script's own text but not what it imports. `sources` follows the import
statements, wherever in a module they stand, and yields files for a rule's input.
"""

from pathlib import Path

from naswot.io.python_files import imported

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
        for module in imported(pending.pop()):
            path = _file_of(module, root)
            if path not in (None, package) and path not in found:
                found.add(path)
                pending.append(path)
    return sorted(str(path.relative_to(root)) for path in found)


def _file_of(module: str, root: Path) -> Path | None:
    if module.split(".")[0] != PACKAGE:
        return None
    base = root.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.exists()), None)
