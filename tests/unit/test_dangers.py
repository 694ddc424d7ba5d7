"""Nothing here runs what a file says, starts a shell or talks in clear: the code itself is read."""

import re

import pytest
from dangers import found_in

# What the product does in spite of the rule: (file, name) → why that is right.
ALLOWED = {
    ("naswot/scores/__init__.py", "importlib.import_module"): "a family of scores, of ours",
    ("naswot/plots/writing.py", "importlib.import_module"): "a figure, of ours",
    ("naswot/spaces/space.py", "pkgutil.resolve_name"): "a function of ours, by its name",
    (
        "naswot/cli/main.py",
        "importlib.import_module",
    ): "the user's own network, which runs",
    ("naswot/images/decoding.py", "importlib.import_module"): "Pillow's readers, of a fixed list",
    ("naswot/scores/base.py", "torch.jit.ScriptModule"): "asks what a module is, and runs none",
    ("naswot/scores/channels.py", "torch.jit.ScriptModule"): "asks what a module is, and runs none",
    (
        "naswot/spaces/custom.py",
        "importlib.util.spec_from_file_location",
    ): "the user's space",
    ("naswot/spaces/custom.py", "importlib.util.module_from_spec"): "the user's space",
    ("naswot/spaces/custom.py", "exec_module"): "the user's space",
    ("naswot/workflow/slurm.py", "subprocess.run"): "Slurm's own commands, without a shell",
    ("naswot/workflow/slurm.py", "subprocess.CalledProcessError"): "how they fail",
    ("naswot/workflow/faults.py", "tempfile.TemporaryFile"): "a probe in the run's own folder",
    (
        "naswot/runtime/gpu_claims.py",
        "tempfile.gettempdir",
    ): "locks, in a folder of the user's own",
    ("naswot/io/yaml.py", "yaml.load"): "with the safe loader, bounded",
    ("naswot/io/https.py", "requests.Session"): "downloads",
    ("naswot/io/https.py", "http://"): "the addresses that are refused",
    ("naswot/reporting/interactive.py", "markupsafe.Markup"): "Bokeh's HTML, and forms that escape",
    ("naswot/reporting/captions.py", "jinja2.Environment"): "reStructuredText, with its own escape",
}


def test_nothing_dangerous_is_done_but_what_is_listed(root):
    found = {
        (str(path.relative_to(root)), name)
        for folder in ("naswot", "scripts", "examples")
        for path in root.glob(f"{folder}/**/*.py")
        for name, _ in found_in(path.read_text(encoding="utf-8"))
    }
    assert found == set(ALLOWED)


def test_tests_start_no_shell_and_check_certificates(root):
    """They make evil pickles and start programs of their own, but not in these ways."""
    never = {"verify=False", "shell=True", "tempfile.mktemp"}
    for path in root.glob("tests/**/*.py"):
        assert not never & {name for name, _ in found_in(path.read_text(encoding="utf-8"))}, path


@pytest.mark.parametrize(
    "code",
    [
        "import pickle; pickle.load(f)",
        "from pickle import loads as read; read(b)",
        "import pickle as p; load = p.loads",
        "import pickle; pickle.Unpickler(f).load()",
        "import pickle\nclass Mine(pickle.Unpickler): pass",
        "import pickle\nclass Mine(pickle.Unpickler):\n"
        "  def find_class(self, m, n): return super().find_class(m, n)",
        "import _pickle; _pickle.loads(b)",
        "import torch; torch.load(f)",
        "import torch; torch.load(f, weights_only=False)",
        "import torch; torch.load(f, weights_only=trusted)",
        "import torch; torch.load(f, **options)",
        "from torch import load; read = load",
        "import torch; torch.hub.load('a', 'b')",
        "import numpy as np; np.load(f, allow_pickle=True)",
        "import numpy as np; np.load(f, allow_pickle=flag)",
        "import pandas as pd; pd.read_pickle(f)",
        "import joblib; joblib.load(f)",
        "from joblib import load; load(f)",
        "import shelve; shelve.open(f)",
        "import dill",
        "import marshal; marshal.loads(b)",
        "import yaml; yaml.load(f)",
        "import yaml; yaml.load(f, Loader=yaml.Loader)",
        "from yaml import unsafe_load; unsafe_load(f)",
        "eval(text)",
        "exec(text)",
        "import builtins; builtins.eval(text)",
        "map(eval, texts)",
        "__import__(name)",
        "import importlib; importlib.import_module(name)",
        "import os; os.system(text)",
        "import os; os.popen(text)",
        "import os; os.execvp('sh', [])",
        "import subprocess; subprocess.run(['ls'])",
        "from subprocess import run; run(text, shell=True)",
        "from snakemake.shell import shell; shell('ls')",
        "import requests; requests.get(url)",
        "session.get(url, verify=False)",
        "from urllib.request import urlopen; urlopen(url)",
        "import urllib.request; urllib.request.urlretrieve(url)",
        "url = 'http://example.org'",
        "url = f'http://{host}'",
        "import tempfile; tempfile.mktemp()",
        "from tempfile import NamedTemporaryFile; NamedTemporaryFile()",
        "archive.extractall(place)",
        "archive.extract(member)",
        "import shutil; shutil.unpack_archive(f)",
        "import shutil; shutil.copy(a, b)",
        "path.chmod(0o777)",
        "import os; os.umask(0)",
        "from jinja2 import Environment; Environment()",
        "from markupsafe import Markup; Markup(text)",
        "assert value > 0",
        "try:\n  pass\nexcept:\n  pass",
    ],
)
def test_each_danger_is_seen(code):
    assert found_in(code)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle\nclass Mine(pickle.Unpickler):\n  def find_class(self, m, n): return {}[n]",
        "import pickle\nraise pickle.UnpicklingError('no')",
        "import torch; torch.load(f, map_location='cpu', weights_only=True)",
        "import numpy as np; np.load(f); np.load(f, allow_pickle=False)",
        "import yaml; yaml.safe_load(f)",
        "import re; re.compile('a'); network.eval()",
        "table['a'].str.extract('(a)')",
        "svg = '<svg xmlns=\"http://www.w3.org/2000/svg\">'",
        "from jinja2 import Environment; Environment(autoescape=True)",
        "import os; os.replace(a, b)",
    ],
)
def test_what_is_safe_is_let_through(code):
    assert not found_in(code)


def test_rules_run_scripts_and_no_shell(root):
    rules = [root / "Snakefile", *root.glob("rules/*.smk")]
    assert len(rules) > 15
    for path in rules:
        text = path.read_text(encoding="utf-8")
        # What else can a rule do than run a script of ours, and what else can come in?
        directives = r"^ *(shell|run|wrapper|notebook|cwl|template_engine|module|use rule)\b.*:"
        assert not re.findall(directives, text, re.M), path
        code = re.sub('""".*?"""|#[^\n]*', "", text, flags=re.S)
        dangers = r"\b(shell|pickle|subprocess|marshal)\b|\b(eval|exec|system|popen)\(|yaml\.load\("
        assert not re.findall(dangers, code), path
        stages = re.findall(r"^rule (\w+):", text, re.M)
        if path.name not in ("Snakefile", "targets.smk"):
            assert re.findall(r'^ +"\.\./scripts/(\w+)\.py"$', text, re.M) == stages


def test_templates_put_in_as_html_only_what_docutils_wrote(root):
    for path in root.glob("naswot/reporting/templates/*.jinja"):
        text = path.read_text(encoding="utf-8")
        unescaped = re.findall(r"{{([^}]*)\|\s*safe\s*}}", text)
        assert {one.strip() for one in unescaped} <= {"caption", "section.caption"}, path
        assert "autoescape" not in text
