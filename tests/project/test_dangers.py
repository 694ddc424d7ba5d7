"""What ruff's rules on security do not see, and the exceptions from them: each with its reason."""

import ast
import re
from collections import Counter

import pytest

MARK = re.compile(r"# noqa: ((?:[A-Z]+\d+, )*[A-Z]+\d+)(.*)")
# File → number of lines that are excepted from a rule on security.
EXCEPTIONS = {
    "naswot/export/formats.py": 2,
    "naswot/images/decoding.py": 1,
    "naswot/io/https.py": 2,
    "naswot/io/pickles.py": 1,
    "naswot/io/user_code.py": 3,
    "naswot/io/yaml.py": 1,
    "naswot/plots/writing.py": 1,
    "naswot/reporting/captions.py": 1,
    "naswot/reporting/front_page.py": 2,
    "naswot/reporting/interactive.py": 3,
    "naswot/runtime/gpu_claims.py": 1,
    "naswot/scores/__init__.py": 2,
    "naswot/scores/copying.py": 1,
    "naswot/spaces/space.py": 1,
    "naswot/training/checkpoint.py": 1,
    "naswot/workflow/faults.py": 1,
    "naswot/workflow/slurm.py": 1,
}
# What a name or method does, whatever object it belongs to.
NAMES = {"__import__", "_pickle", "eval", "exec"}
METHODS = {"chmod", "lchmod", "extract", "extractall", "load_module", "exec_module"}
ALLOWED = {
    ("naswot/io/user_code.py", "exec_module"),  # the user's own code
    ("naswot/io/https.py", "http://"),  # the addresses that are refused
}


def sources(root):
    for folder in ("naswot", "scripts", "examples"):
        for path in root.glob(f"{folder}/**/*.py"):
            yield str(path.relative_to(root)), path.read_text(encoding="utf-8")


def dangers(code):
    """Yield what ruff lets through: mentions of names, methods of unknown objects, arguments."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name) | ast.alias(name=name) if name in NAMES:
                yield name
            case ast.Attribute(value=owner, attr=name) if name in METHODS:
                if getattr(owner, "attr", "") != "str":  # pandas extracts texts
                    yield name
            case ast.keyword(arg="allow_pickle", value=value):
                if getattr(value, "value", None) is not False:
                    yield "allow_pickle"
            case ast.keyword(arg="verify", value=ast.Constant(value=False)):
                yield "verify"
            case ast.Constant(value=str(text)):
                if re.search("(http|ftp)://(?!www.w3.org/2000/svg)", text):
                    yield "http://"


def test_every_exception_is_known_and_gives_its_reason(root):
    found = Counter()
    for file, text in sources(root):
        for codes, reason in MARK.findall(text):
            if re.search(r"\bS\d|TID251", codes):
                assert re.match(r", \w", reason), (file, codes)
                found[file] += 1
    assert found == EXCEPTIONS


def test_nothing_dangerous_passes_ruff(root):
    found = {(file, danger) for file, text in sources(root) for danger in dangers(text)}
    assert found == ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        "import _pickle; _pickle.loads(b)",
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=flag)",
        "map(eval, texts)",
        "__import__(name)",
        "session.get(url, verify=False)",
        "url = 'http://example.org'",
        "url = f'http://{host}'",
        "archive.extractall(place)",
        "archive.extract(member)",
        "path.chmod(0o777)",
    ],
)
def test_each_danger_is_seen(code):
    assert list(dangers(code))


@pytest.mark.parametrize(
    "code",
    [
        "np.load(f, allow_pickle=False)",
        "network.eval(); re.compile('a')",
        "table['a'].str.extract('(a)')",
        "svg = '<svg xmlns=\"http://www.w3.org/2000/svg\">'",
    ],
)
def test_what_is_safe_passes(code):
    assert not list(dangers(code))
