"""What Python code must not do here: run what a file says, start a shell, talk in clear.

`found_in` reads code as a syntax tree and follows the names of imports, so that
``from pickle import loads as read`` is found too. It cannot see a name that is put together at
run time; `tests/support/watching` looks at real runs for that.
"""

import ast
import functools
import re
from collections.abc import Iterator

# Dotted names that are refused wherever they are mentioned → why.
REFUSED = {
    r"_?pickle(?!\.(UnpicklingError|dumps?|[A-Z_0-9]+)$)(\..*)?": "unpickles",
    r"(cloudpickle|dill|joblib|shelve|marshal|jsonpickle)(\..*)?": "unpickles",
    r"pandas\.read_pickle|torch\.(jit|hub|package|classes)\.\w+|numpy\.core\..*": "unpickles",
    r"yaml\.(load|load_all|unsafe_load\w*|full_load\w*|Loader|UnsafeLoader|FullLoader)": "builds",
    r"(builtins\.)?(eval|exec|compile|__import__)": "runs text",
    r"importlib\.(?!metadata\.|resources\.|util\.find_spec).*": "imports by name",
    r"(imp|runpy|zipimport|pkgutil)\..*": "imports by name",
    r"os\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*|fork\w*|startfile)": "starts a program",
    r"(subprocess|pty|pexpect)\..*": "starts a program",
    r"asyncio\.create_subprocess_\w+|snakemake\.shell\..*": "starts a program",
    r"(urllib\.request|http\.client|ftplib|socket|telnetlib|smtplib|aiohttp|httpx)\b.*": "network",
    r"requests(\.(api\.)?(get|post|put|head|options|patch|delete|request|[Ss]ession))?": "network",
    r"tempfile\..*": "writes elsewhere than beside its target",
    r"os\.(chmod|lchmod|fchmod|umask|chown)|shutil\.(copy|copy2|copymode|copystat)": "permissions",
    r"shutil\.unpack_archive": "unpacks",
    r"markupsafe\.Markup": "puts HTML in as it is",
}
# Methods of whatever object they are asked of.
METHODS = {
    "extractall": "unpacks",
    "extract": "unpacks",
    "chmod": "permissions",
    "lchmod": "permissions",
    "load_module": "imports by name",
    "exec_module": "imports by name",
}
# What a call must say: function → (argument, value, whether it may be left out, why).
SAID = {
    "torch.load": ("weights_only", True, False, "unpickles"),
    "numpy.load": ("allow_pickle", False, True, "unpickles"),
    "numpy.save": ("allow_pickle", False, True, "pickles"),
    "jinja2.Environment": ("autoescape", True, False, "does not escape HTML"),
}


def found_in(code: str) -> set[tuple[str, str]]:
    """Return what is dangerous in Python code, as pairs of the name concerned and why."""
    tree = ast.parse(code)
    names = dict(_imports(tree))
    guarded = {id(base) for base in _bases_with_own_find_class(tree)}
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = set(_statements(tree))
    for name in names.values():
        # To import pickle or subprocess for a kind of error is no danger yet.
        if name not in ("pickle", "subprocess", "requests", "socket", "tempfile"):
            found |= _refused(name)
    for node in ast.walk(tree):
        if id(node) in inner or id(node) in guarded:
            continue  # `pickle` of `pickle.loads` counts as part of the whole
        name = _dotted(node, names)
        if name in SAID:
            argument, value, optional, why = SAID[name]
            said = called[id(node)].keywords if id(node) in called else None
            if said is None or not _says(said, argument, value, optional):
                found.add((name, why))
        elif name is not None:
            found |= _refused(name)
        # Series.str.extract of pandas extracts text.
        if isinstance(node, ast.Attribute) and not (
            isinstance(node.value, ast.Attribute) and node.value.attr == "str"
        ):
            found |= {(node.attr, METHODS[node.attr])} if node.attr in METHODS else set()
    return found


@functools.cache
def _refused(name: str) -> set[tuple[str, str]]:
    return {(name, why) for form, why in REFUSED.items() if re.fullmatch(form, name)}


def _statements(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield "assert", "checks nothing under python -O"
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield "except", "hides everything"
        if isinstance(node, ast.keyword):
            said = node.arg, getattr(node.value, "value", None)
            if said in (("verify", False), ("shell", True)):
                yield f"{node.arg}={said[1]}", "trusts anybody"
        # The name of SVG's elements is no address that anybody asks.
        text = node.value if isinstance(node, ast.Constant) else ""
        if re.search(r"(http|ftp)://(?!www\.w3\.org/2000/svg)", str(text)):
            yield "http://", "network"


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names that imports give, with what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.partition(".")[0]
                yield (one.asname or first), (one.name if one.asname else first)
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                yield (one.asname or one.name), f"{node.module}.{one.name}"


def _dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def _bases_with_own_find_class(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the bases of classes that decide by themselves which names an unpickler gets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            decides = [one for one in node.body if getattr(one, "name", "") == "find_class"]
            names = {getattr(part, "id", "") for one in decides for part in ast.walk(one)}
            if decides and "super" not in names:
                yield from node.bases


def _says(said: list[ast.keyword], argument: str, value: object, optional: bool) -> bool:
    values = {word.arg: getattr(word.value, "value", None) for word in said}
    return values.get(argument, value if optional else None) is value and None not in values
