"""What the project says of itself agrees with itself."""

import re
import tomllib

import yaml

from naswot.io.python_files import imported
from naswot.search import METHODS
from naswot.workflow.code_dependencies import NOT_CODE_OF, sources

# Name on conda-forge or bioconda → on PyPI, where they differ.
CONDA_NAMES = {
    "pytorch": "torch",
    "matplotlib-base": "matplotlib",
    "snakemake-minimal": "snakemake",
}


def locked(root, *names) -> dict[str, str]:
    text = "".join((root / f"locks/{name}.txt").read_text() for name in names)
    return dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==([\w.]+)", text, re.M))


def test_the_conda_environment_has_the_locked_versions(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    parts = ("fast", "benchmarks", "report", "search", "workflow", "slurm", "test")
    wanted = [project["dependencies"], *(extras[part] for part in parts)]
    names = {re.match(r"[\w-]+", entry)[0] for entries in wanted for entry in entries} - {"naswot"}
    entries = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    conda = [entry for entry in entries if isinstance(entry, str)]
    (by_pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    python = [entry for entry in conda if entry.startswith("python")]
    assert python == [f"python{project['requires-python']}"]
    pins = [re.fullmatch(r"([\w-]+)={1,2}([\w.]+)", one).groups() for one in conda[2:] + by_pip]
    found = {CONDA_NAMES.get(name, name): version for name, version in pins}
    versions = locked(root, "torch_cuda", "packages")
    assert found == {name: versions[name] for name in names}


def test_every_locked_package_has_digests(root):
    for name in ("torch_cpu", "torch_cuda", "packages", "clouds", "docs", "zoo"):
        text = (root / f"locks/{name}.txt").read_text()
        blocks = re.split(r"^(?=[\w.-]+(?:\[\w+\])?==)", text, flags=re.M)[1:]
        assert blocks
        assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_lowest_versions_are_those_that_are_allowed(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    entries = (*project["dependencies"], *project["optional-dependencies"]["benchmarks"])
    floors = dict(re.findall(r"^([\w-]+)>=([\d.]+)", "\n".join(entries), re.M))
    lowest = locked(root, "lowest")
    for name in ("torch", "numpy", "pandas", "pyarrow"):
        assert lowest[name].startswith(floors[name]), name


def test_the_licence_of_every_package_is_stated(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    listed = [project["dependencies"], *project["optional-dependencies"].values()]
    text = (root / "docs/reference/licences.md").read_text(encoding="utf-8")
    stated = re.findall(r"[\w-]+", text)
    for entry in (entry for entries in listed for entry in entries):
        name = re.match(r"[\w-]+", entry)[0]
        short = re.sub("snakemake-(executor|storage)-plugin", "", name)
        assert name in stated or short in stated, f"docs/reference/licences.md does not name {name}"


def test_every_rule_has_a_script_of_its_name(root):
    stages = [path for path in root.glob("rules/*.smk") if path.name != "targets.smk"]
    rules = re.findall(r"^rule (\w+):", "".join(path.read_text() for path in stages), re.M)
    assert sorted(rules) == sorted(path.stem for path in root.glob("scripts/*.py"))
    for path in stages:
        for name in re.findall(r"^rule (\w+):", path.read_text(), re.M):
            assert f'"../scripts/{name}.py"' in path.read_text()
            assert re.search(rf'code\(\s*"{name}"', path.read_text())


def test_every_rule_says_what_it_is_for(root):
    for path in root.glob("**/*.smk"):
        for name, rest in re.findall(r"^rule (\w+):\n +(.*)$", path.read_text(), re.M):
            assert rest.startswith('"""'), name


def test_the_page_has_a_row_for_each_search(root):
    page = (root / "docs/reference/searches.md").read_text(encoding="utf-8")
    assert set(METHODS) <= set(re.findall(r"^\| `(\w+)` \|", page, re.M))


def test_lines_of_prose_are_not_too_wide_to_read(root):
    pages = [*root.glob("*.md"), *root.glob("[a-z]*/**/*.md")]
    made = set(root.glob("results/**/*.md")) - {root / "results/README.md"}  # by runs
    for path in set(pages) - made:
        prose = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
        lines = [line for line in prose.splitlines() if not line.lstrip().startswith("|")]
        assert [line for line in lines if len(line) > 110] == [], path


def test_the_code_of_a_stage_is_all_that_it_imports(root):
    scoring = sources(root / "scripts/score_networks.py", root)
    assert "naswot/scores/relu.py" not in scoring  # the rule adds a family's own files
    assert "naswot/images/photos.py" not in scoring
    assert "naswot/spaces/nasbench201/network.py" in scoring
    parts = ("diagram", "graph", "benchmarks/", "workflow/custom")  # edits of these score nothing
    assert not [path for path in scoring if any(part in path for part in parts)]
    assert "naswot/__init__.py" not in scoring
    for stage in (
        "search_under_budget", "join_accuracies", "plot_figure", "write_table2",
        "correlate_scores", "compare_scores", "combine_scores", "trace_searches",
    ):  # fmt: skip
        found = sources(root / f"scripts/{stage}.py", root)
        about = {"naswot/scores/__init__.py", "naswot/scores/plan.py"}
        if stage in ("combine_scores", "search_under_budget"):
            about.add("naswot/scores/aggregates.py")
        assert {path for path in found if "scores/" in path} <= about
        assert "naswot/benchmarks/nats_bench.py" not in found
    assert "naswot/benchmarks/nats_bench.py" in sources(root / "scripts/convert_benchmark.py", root)


def test_what_a_space_imports_later_is_code_of_its_caller(root):
    found = sources(root / "scripts/find_neighbours.py", root)
    assert "naswot/spaces/nasbench101/neighbours.py" in found
    assert not [file for file in found if "diagram" in file]
    assert "naswot/spaces/nasbench201/diagram.py" in sources(root / "scripts/write_index.py", root)
    scoring = sources(root / "scripts/score_networks.py", root)
    assert "naswot/spaces/nasbench101/neighbours.py" not in scoring


def test_each_import_that_is_not_followed_is_there(root):
    for importing, file in NOT_CODE_OF:
        module = file.removesuffix(".py").replace("/", ".")
        assert module in imported(root / importing)


def test_the_example_of_the_readme_runs(root):
    (example,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.S)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    result = names["result"]
    assert (result.relu_units, result.relu_modules) == (64 * 30 * 30, 1)
    assert result.value > 0


def test_rules_run_scripts_and_no_shell(root):
    rules = [root / "Snakefile", root / "workflow/Snakefile", *root.glob("rules/*.smk")]
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
        assert {one.strip() for one in unescaped} <= {"caption", "section.caption", "headline"}
        assert "autoescape" not in text
