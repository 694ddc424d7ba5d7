"""Which files a configuration asks for, without a run."""

import inspect
import pkgutil
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from snakemake.path_modifier import PATH_MODIFIER_FLAG

from naswot.benchmarks.catalogue import BUILT_IN
from naswot.errors import NaswotError
from naswot.plots.registry import FIGURES
from naswot.reporting.contents import ITEMS
from naswot.scores import AGGREGATES, FAMILIES
from naswot.workflow import config as configuration
from naswot.workflow import paths
from naswot.workflow.inputs import Inputs
from naswot.workflow.plan import Plan, item_of
from naswot.workflow.schema import read_schema

TEMPLATES = {name: path for name, path in vars(paths).items() if name.isupper()}
TEMPLATES = {name: path for name, path in TEMPLATES.items() if isinstance(path, str)}


@pytest.fixture
def config(root):
    """Return a function that makes the default configuration, with changes, and its catalogue."""

    def make(**changes):
        text = (root / "config/config.yaml").read_text(encoding="utf-8")
        config = yaml.safe_load(text) | changes
        return config, configuration.check(config, read_schema(root))

    return make


@pytest.fixture
def plan(config):
    """Return a function that plans the default configuration, with changes."""
    return lambda **changes: Plan(*config(**changes))


def test_the_default_run_has_the_tables_and_figures_of_its_space(plan):
    asked = plan()
    assert asked.runs == [
        ("nasbench201", dataset) for dataset in ("cifar10", "cifar100", "imagenet16_120")
    ]
    assert paths.TABLE2 in asked.tables
    assert paths.TABLE1 not in asked.tables
    assert paths.SCORE_COMPARISON not in asked.tables
    names = {item_of(file) for file in asked.figures}
    assert {"figure1", "figure3", "figure5", "figure6", "figure7", "scatter"} <= names
    assert not {"figure4", "figure9", "figure10"} & names
    assert len(asked.figures) == len(set(asked.figures)) == 2 * len(asked.pictures)
    assert asked.omitted == {}
    assert set(asked.paper) <= {*asked.tables, *asked.figures, paths.CLAIMS}


def test_several_scores_are_compared_and_without_naswot_its_figures_are_omitted(plan):
    asked = plan(scores=["grad_norm", "params"])
    assert paths.SCORE_COMPARISON in asked.tables
    names = {item_of(file) for file in asked.figures}
    assert {"figure4", "tau_heatmap"} <= names
    assert not {"figure1", "figure5", "ablations"} & names
    assert list(asked.omitted) == ["Figures 1 and 5"]
    assert [paths.matched(paths.CLAIMS_OF, file)["figure"] for file in asked.claims] == [
        "figure2",
        "figure6",
    ]


def test_the_leaderboard_of_all_scores_needs_no_search_and_no_training(plan, root):
    """Nor does its page, which therefore has a rule of its own."""
    small = yaml.safe_load((root / "config/leaderboard.yaml").read_text(encoding="utf-8"))
    asked = plan(**small)
    assert len(asked.every(paths.JOINED)) == 3 * len(asked.scores)
    assert {*AGGREGATES, "naswot", "flops"} <= {*asked.scores}
    page = paths.TABLE_PAGE.format(table="leaderboard")
    assert set(asked.leaderboard) - {page} <= {*asked.tables, *asked.figures}
    assert "leaderboard" in asked.report_tables
    assert "leaderboard" not in {*asked.rendered, *asked.captioned}
    assert {*asked.captioned, "leaderboard"} == {Path(file).stem for file in asked.captions()}
    assert paths.LEADERBOARD not in plan().tables


def test_what_is_no_part_of_a_run_is_omitted_with_its_reason(plan):
    asked = plan(datasets=["cifar10"])
    assert "nasbench201 on cifar100" in asked.omitted["Figure 5 and the other ablations"]
    with pytest.raises(NaswotError, match="one of: nasbench201 on cifar10"):
        asked.ablation_levels("batches")


def test_everything_in_a_report_is_in_its_table_of_contents(plan):
    for asked in (plan(), plan(scores=["naswot", "params"])):
        shown = [*asked.report_tables, *map(item_of, asked.pictures)]
        assert set(shown) <= ITEMS.keys()
        assert len(asked.captions()) == len(set(shown))


def test_a_score_is_joined_from_all_shards_of_its_family(plan):
    asked = plan(sample=1000, shard_size=300, scores=["log_synflow"])
    assert asked.bounds("nasbench201", "photos", "synflow") == [
        (0, 300), (300, 600), (600, 900), (900, 1000)
    ]  # fmt: skip
    shards = asked.shards("nasbench201", "photos", "log_synflow")
    assert [paths.matched(paths.SHARD, shard)["shard"] for shard in shards] == [
        "0000", "0001", "0002", "0003"
    ]  # fmt: skip
    assert paths.matched(paths.SHARD, shards[0])["family"] == "synflow"


def test_searches_draw_from_the_scored_architectures_and_from_all(plan):
    drawn = plan(sample=1000).searches("nasbench201")
    assert len(drawn) == len(set(drawn)) == 3 * (3 + 2 + 9)
    every = plan(sample="all").searches("nasbench201")
    assert len(every) == 3 * (3 + 9)
    assert plan().searches("nasbench101") == []


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_has_the_arguments_of_its_function(plan, name):
    figure = "scatter/nasbench201/cifar10" if name == "scatter" else name
    given = plan().figure_inputs(figure) | plan().figure_settings(figure) | {"catalogue": BUILT_IN}
    function = pkgutil.resolve_name(f"naswot.plots.{FIGURES[name].function.replace('.', ':')}")
    needed = inspect.signature(function).parameters
    assert needed.keys() - given.keys() == set()
    assert given.keys() - needed.keys() <= {"catalogue"}


def test_each_stage_has_times_of_its_jobs(plan):
    times = plan(sample=1000, shard_size=300).timings()
    assert len(times) == len(set(times))
    assert "timings/score_networks/nasbench201/photos/naswot/0/0003.tsv" in times
    assert "timings/search_under_budget/nasbench201/cifar10/whole/rea.tsv" in times
    assert "timings/search_by_sampling/nasbench201/cifar10/whole/random.tsv" in times
    assert not any("{" in path for path in times)
    timed = {paths.timed(f"prefix/{path}") for path in times}
    assert {"score_networks", "search_under_budget", "write_table2"} <= timed
    assert paths.timed("benchmarks/of/others.tsv") is None


def test_times_of_jobs_follow_the_order_of_scores(plan):
    scores = ["log_synflow", "naswot", "synflow", "params", "grad_norm"]
    times = [path for path in plan(scores=scores).timings() if "/score_networks/" in path]
    families = dict.fromkeys(path.split("/")[4] for path in times)
    assert list(families) == ["synflow", "naswot", "size", "gradients"]


def test_figures_name_the_spaces_that_they_show(plan):
    asked = plan(spaces=["nasbench201", "natsbench_sss"], skip_missing=True)
    both = ["NAS-Bench-201", "NATS-Bench SSS"]
    assert asked.titles() == asked.titles("figure1") == asked.titles("figure4") == both
    assert asked.titles("scatter/natsbench_sss/cifar10") == both[1:]
    assert asked.titles("figure5") == asked.titles("figure6") == both[:1]
    assert asked.titles("figure2") == asked.titles("figure3") == []


def test_paths_are_different_and_read_back(plan):
    assert len(set(TEMPLATES.values())) == len(TEMPLATES)

    @given(st.data())
    def check(data):
        template = data.draw(st.sampled_from(sorted(TEMPLATES.values())))
        words = st.from_regex(r"\A[\w-]+\Z")
        values = {name: data.draw(words) for name in re.findall(r"{(\w+)}", template)}
        path = template.format(**values)
        assert paths.matched(template, path) == values
        assert paths.partly(template, **values) == path

    check()


def test_a_path_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="is not made from"):
        paths.matched(paths.JOINED, "results/joined/nasbench201.parquet")


def test_the_code_of_a_job_is_that_of_its_space_and_score(config, root):
    settings, catalogue = config()
    inputs = Inputs(settings, root, catalogue)

    def code(*arguments, **named):
        files = inputs.code(*arguments, **named)
        assert all(file.flags[PATH_MODIFIER_FLAG] for file in files)
        return {file.removeprefix(f"{root}/") for file in files}

    scoring = code("score_networks", space="nasbench201", family="synflow")
    assert "naswot/scores/synflow.py" in scoring
    assert "naswot/spaces/nasbench201/network.py" in scoring
    assert not any("nasbench101/" in file or "zico" in file for file in scoring)
    sizes = code("score_networks", space="natsbench_sss", family="naswot")
    assert {"naswot/spaces/natsbench_sss.py", "naswot/spaces/nasbench201/network.py"} <= sizes
    assert "naswot/plots/panels.py" in code("plot_figure", figure="figure3")
    assert "naswot/plots/panels.py" not in code("plot_figure", figure="figure8")
    sharing = code("share_weights", sharing="enas")
    assert {"naswot/supernet/enas.py", "naswot/supernet/controller.py"} <= sharing
    assert "naswot/supernet/gdas.py" not in sharing
    assert not any("supernet" in file for file in code("look_up") - {"naswot/supernet/__init__.py"})
    for family in FAMILIES:
        assert f"naswot/scores/{family}.py" in code("score_networks", family=family)
