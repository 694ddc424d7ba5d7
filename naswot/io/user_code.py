"""Import what a user names: MODULE:FUNCTION, in the current folder or installed; or a file."""

import contextlib
import difflib
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from naswot.errors import NaswotError

MISSING_OPERATOR = re.compile(r"operator (torchvision::\w+) does not exist")


def find_callable(path: str, kind: str, example: str, files: bool = False) -> Any:
    """Return the callable that `path`, MODULE:FUNCTION, names; the current folder comes first.

    Args:
        path: the name.
        kind: what is named, such as "factory", for messages.
        example: a name that would be right, for messages.
        files: whether FILE.py:FUNCTION is a name, too.

    Raises:
        NaswotError: the module cannot be imported, or has no such callable.
    """
    module_name, attribute = parts_of(path, kind, example, files)
    if module_name.endswith(".py"):
        found: Any = import_file(Path(module_name))
    else:
        found = _import_module(module_name, path, kind)
    for part in attribute.split("."):
        owner = found
        try:
            found = getattr(owner, part, None)
        except (Exception, SystemExit) as error:  # a module may compute its attributes
            raise _not_imported(f"The module {module_name}", error) from error
        if found is None:
            close = difflib.get_close_matches(part, dir(owner), n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            raise NaswotError(f"{path}: {module_name} has no {attribute!r}.{meant}")
    if not callable(found):
        raise NaswotError(
            f"{path} is a {type(found).__name__}, which cannot be called. Name a function or class."
        )
    return found


def source_file(path: str) -> Path | None:
    """Return the Python file of what `find_callable` has found; None for compiled modules."""
    module_name = path.rpartition(":")[0]
    if module_name.endswith(".py"):
        return Path(module_name)
    file = getattr(sys.modules[module_name], "__file__", None)
    return Path(file) if file and file.endswith(".py") else None


def import_file(path: Path) -> ModuleType:
    """Return a Python file as a new module; it may import files beside it, now or later.

    Raises:
        NaswotError: there is no such file, or it fails.
    """
    name = f"naswot_file_{path.stem}_{hashlib.sha256(bytes(path.absolute())).hexdigest()[:8]}"
    sys.path.insert(0, str(path.parent))
    try:
        return _run_file(path, name)
    except (Exception, SystemExit) as error:  # a file may do anything when it is imported
        del sys.modules[name]
        raise _not_imported(str(path), error) from error


def _run_file(path: Path, name: str) -> ModuleType:
    """Return a Python file, run as the module `name`; it may raise anything."""
    specification: Any = importlib.util.spec_from_file_location(name, path)  # noqa: TID251, the user's own
    module = importlib.util.module_from_spec(specification)  # noqa: TID251, as above
    sys.modules[name] = module  # dataclasses, for one, look for it there
    specification.loader.exec_module(module)
    return module


def _import_module(module_name: str, path: str, kind: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return import_package(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise _not_imported(f"The module {module_name}", error) from error
        raise NaswotError(
            f"There is no module {error.name!r}, neither in {Path.cwd()} nor installed, so the "
            f"{kind} {path} cannot be used. Check the name, or install the package."
        ) from error
    except (Exception, SystemExit) as error:  # importing a module can raise anything
        raise _not_imported(f"The module {module_name}", error) from error


def parts_of(path: str, kind: str, example: str, files: bool = False) -> tuple[str, str]:
    """Return the module and the function that `path` names; arguments as for `find_callable`.

    Raises:
        NaswotError: `path` has another form.
    """
    module_name, colon, attribute = path.rpartition(":")
    if files and colon and attribute and module_name.endswith(".py"):
        return module_name, attribute
    if not colon or not attribute or not module_name or "/" in module_name:
        raise NaswotError(
            f"{path!r} does not name a {kind}. Write PACKAGE.MODULE:{kind.upper()}, e.g. {example}."
        )
    if module_name.endswith(".py"):
        raise NaswotError(
            f"{module_name} is a file; write the module's name: {module_name[:-3]}:{attribute}."
        )
    return module_name, attribute


@contextlib.contextmanager
def imported_file(
    path: Path, beside: Collection[str] = (), without: Collection[Path] = ()
) -> Iterator[ModuleType]:
    """Yield a Python file as a module, run anew; it may raise anything.

    It leaves no trace: no compiled file, and afterwards the modules and the places to look for them
    are those of before.

    Args:
        path: the file.
        beside: packages and modules beside it, which are imported anew, too, even if others of
            these names have been imported.
        without: folders in which Python is not to look for modules meanwhile; those that it has
            imported from there are forgotten meanwhile, except installed ones and naswot.
    """
    places, writes = list(sys.path), sys.dont_write_bytecode
    name = f"naswot_{path.stem}"
    hidden = _take_out({*beside, *_imported_from(without)})
    sys.dont_write_bytecode = True
    sys.path[:] = [place for place in places if Path(place).resolve() not in without]
    try:
        yield _run_file(path, name)
    finally:
        sys.path[:], sys.dont_write_bytecode = places, writes
        _take_out({*beside, name})
        sys.modules.update(hidden)


def _imported_from(folders: Collection[Path]) -> set[str]:
    """Return the packages and modules that were imported from `folders`, by their first names."""
    files = {
        name.partition(".")[0]: Path(file).resolve()
        for name, module in list(sys.modules.items())
        if (file := getattr(module, "__file__", None))
    }
    found = {
        name
        for name, file in files.items()
        if any(folder in file.parents for folder in folders)
        and not {"site-packages", "dist-packages"} & set(file.parts)
    }
    return found - {"__main__", "naswot", *sys.stdlib_module_names}


def _take_out(names: Collection[str]) -> dict[str, ModuleType]:
    """Take packages and modules with all that is in them out of the imported ones."""
    found = [name for name in sys.modules if name.partition(".")[0] in names]
    return {name: sys.modules.pop(name) for name in found}


def import_package(module: str) -> Any:
    """Import a module; torchvision also beside another build of torch than it was made for.

    Such a torchvision does not find its operators and cannot be imported, though its classifiers
    need none of them. So they are declared, without code. Importing a module may raise anything.
    """
    declared: set[str] = set()
    while True:
        try:
            return importlib.import_module(module)  # noqa: TID251, the user's own code
        except RuntimeError as error:
            missing = MISSING_OPERATOR.search(str(error))
            if missing is None or missing[1] in declared:
                raise
            sys.modules["torch"].library.define(missing[1], "() -> ()")
            declared.add(missing[1])


def _not_imported(what: str, error: BaseException) -> NaswotError:
    text = " ".join(str(error).split())
    return NaswotError(
        f"{what} cannot be imported ({type(error).__name__}: {text}). Fix it first; "
        "--traceback shows the place."
    )
