"""Which modules of the library a script runs, so that changing one re-runs what depends on it.

Snakemake compares a script's own text but not what it imports. `sources` follows the import
statements, wherever in a module they stand, and yields files for a rule's input.
"""

from pathlib import Path

from naswot.io.python_files import imported
from naswot.spaces import SPACES
from naswot.spaces.space import Later

PACKAGE = "naswot"
_CATALOGUE = (
    "A script hands entries of the catalogue to a function, whose module imports what it needs of "
    "them: spaces, data sets or readers. `Inputs.code` adds what builds the networks of a space."
)
# (importing file, imported file) → why the second is not code of what runs the first.
NOT_CODE_OF = {
    ("naswot/workflow/job.py", "naswot/benchmarks/catalogue.py"): _CATALOGUE,
    ("naswot/workflow/job.py", "naswot/workflow/custom_spaces.py"): _CATALOGUE,
    ("naswot/benchmarks/catalogue.py", "naswot/benchmarks/sources.py"): (
        "Only the conversion reads official files; it imports their readers itself."
    ),
}


def _later(attribute: str) -> set[str]:
    """Return the modules of the functions that built-in spaces import when they are called."""
    functions = (getattr(space, attribute) for space in SPACES.values())
    return {each.name.partition(":")[0] for each in functions if isinstance(each, Later)}


# File → modules that it imports by name, through the spaces.
CALLED_LATER = {
    "naswot/spaces/neighbourhood.py": _later("neighbours"),
    "naswot/spaces/diagrams.py": _later("diagram"),
}


def sources(script: str | Path, root: str | Path) -> list[str]:
    """Return the library files that `script` imports, directly or not, relative to `root`.

    What `NOT_CODE_OF` lists is not followed, nor is the package's own `__init__.py`: it holds no
    code that a stage runs.
    """
    root = Path(root)
    found: set[str] = set()
    pending = [str(Path(script).relative_to(root))]
    while pending:
        importing = pending.pop()
        for module in imported(root / importing) | CALLED_LATER.get(importing, set()):
            file = _file_of(module, root)
            if file and file not in found and (importing, file) not in NOT_CODE_OF:
                found.add(file)
                pending.append(file)
    return sorted(found)


def _file_of(module: str, root: Path) -> str | None:
    """Return the file of a module of the library, relative to `root`; None of others."""
    base = module.replace(".", "/")
    if not base.startswith(f"{PACKAGE}/"):
        return None
    candidates = (f"{base}.py", f"{base}/__init__.py")
    return next((file for file in candidates if (root / file).exists()), None)
