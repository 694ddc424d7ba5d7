"""Find the library modules that a script runs, so that a change re-runs the jobs that depend on it.

Snakemake compares the text of a script but not the modules it imports. `sources` follows the
import statements anywhere in a module and returns files for a rule's input.
"""

import functools
from pathlib import Path

from naswot.io.python_files import imported
from naswot.spaces import SPACES
from naswot.spaces.space import Later

PACKAGE = "naswot"
_CATALOGUE = (
    "A script passes entries of the catalogue to a function, and the function's module imports the "
    "spaces, data sets or readers it needs. `Inputs.code` adds the code that builds the networks "
    "of a space, and the code that reads its table."
)
_FOR_USERS = "Users call it; no job does."
# (importing file, imported file) → why jobs that run the first do not depend on the second.
NOT_CODE_OF = {
    ("naswot/workflow/job.py", "naswot/benchmarks/catalogue.py"): _CATALOGUE,
    ("naswot/workflow/job.py", "naswot/workflow/custom_spaces.py"): _CATALOGUE,
    ("naswot/benchmarks/catalogue.py", "naswot/benchmarks/sources.py"): (
        "Only the conversion reads official files, and it imports their readers itself."
    ),
    ("naswot/benchmarks/__init__.py", "naswot/benchmarks/packages.py"): _FOR_USERS,
    ("naswot/benchmarks/__init__.py", "naswot/benchmarks/query.py"): _FOR_USERS,
    ("naswot/spaces/zoo/__init__.py", "naswot/io/user_code.py"): (
        "It imports torchvision, whose networks are the same however they are imported."
    ),
}


def _later(attribute: str) -> set[str]:
    """Return the modules of functions that built-in spaces import only when called."""
    functions = (getattr(space, attribute) for space in SPACES.values())
    return {each.name.partition(":")[0] for each in functions if isinstance(each, Later)}


# File → modules that it imports at run time, through the spaces.
CALLED_LATER = {
    "naswot/spaces/neighbourhood.py": _later("neighbours"),
    "naswot/spaces/diagrams.py": _later("diagram"),
    "naswot/spaces/encoding.py": _later("encode"),
}


def sources(script: str | Path, root: str | Path) -> list[str]:
    """Return the library files that `script` imports, directly or not, relative to `root`.

    Imports listed in `NOT_CODE_OF` are not followed. The package's own `__init__.py` is left out,
    because it holds no code that a stage runs.
    """
    root = Path(root)
    found: set[str] = set()
    pending = [str(Path(script).relative_to(root))]
    while pending:
        new = _imports(pending.pop(), root) - found
        found |= new
        pending += new
    return sorted(found)


@functools.cache
def _imports(importing: str, root: Path) -> frozenset[str]:
    """Return the library files that a file imports itself; all are relative to `root`."""
    modules = imported(root / importing) | CALLED_LATER.get(importing, set())
    files = (_file_of(module, root) for module in modules)
    return frozenset(file for file in files if file and (importing, file) not in NOT_CODE_OF)


def _file_of(module: str, root: Path) -> str | None:
    """Return the file of a library module, relative to `root`; None for other modules."""
    base = module.replace(".", "/")
    if not base.startswith(f"{PACKAGE}/"):
        return None
    candidates = (f"{base}.py", f"{base}/__init__.py")
    return next((file for file in candidates if (root / file).exists()), None)
