"""A user's Python file as a space."""

import json
import re

import numpy as np
import pytest
from torch import nn

from naswot.errors import NaswotError
from naswot.spaces.choice_spaces import choice_space
from naswot.spaces.choices import draw, draw_random, mutate

FILE = """
from torch import nn

choices = {"depth": [2, 3, 4], "width": (16, 32), "kernel_2": [3, 5], "deep": [True, False],
           "scale": [0.5, 1.0], "activation": ["relu", "gelu"]}
when = {"kernel_2": {"depth": [3, 4]}, "deep": {"kernel_2": [5], "width": [32]}}

def build(depth, width, scale, *, activation, kernel_2=7, deep=None, classes=3):
    network = nn.Linear(width, classes)
    network.made_of = (depth, width, kernel_2, deep, scale, activation)
    return network
"""
BUILD = "def build(depth): ..."


@pytest.fixture
def of(tmp_path):
    """Return a function that makes the space of a file with this content."""

    def make(content: str = FILE):
        (tmp_path / "mine.py").write_text(content)
        return choice_space(str(tmp_path / "mine.py"))

    return make


def picked(space, **wanted):
    """Return what is drawn with the options wanted, elsewhere with the first ones."""
    return draw(space, lambda name, options: wanted.get(name, options[0]))


def test_an_architecture_is_its_choices_as_json(of):
    space = of()
    assert (space.name, space.title) == ("mine", "mine")
    drawn = picked(space, depth=4, width=32, kernel_2=5)
    assert drawn.arch == (
        '{"depth":4,"width":32,"kernel_2":5,"deep":true,"scale":0.5,"activation":"relu"}'
    )
    assert space.build(drawn.arch, 7).made_of == (4, 32, 5, True, 0.5, "relu")
    assert space.build(drawn.arch, 7).out_features == 7


def test_a_choice_is_made_only_if_its_conditions_hold(of):
    space = of()
    assert picked(space, depth=2, width=32, kernel_2=5).choices.keys() == {
        "depth", "width", "scale", "activation",
    }  # fmt: skip
    assert "deep" not in picked(space, depth=3, width=16, kernel_2=5).choices
    arch = picked(space, depth=2).arch
    assert space.build(arch, 1).made_of == (2, 16, 7, None, 0.5, "relu")


def test_what_is_drawn_and_mutated_is_read_back(of):
    space, generator = of(), np.random.default_rng(0)
    parent = draw_random(space, generator)
    for _ in range(200):
        made = space.build(parent.arch, 2).made_of
        assert set(parent.choices.values()) <= set(made)
        assert json.loads(parent.arch) == dict(parent.choices)
        parent = mutate(space, parent, generator)


def test_the_size_of_a_space_with_conditions_is_estimated_without_bias(of):
    space, generator = of(), np.random.default_rng(1)
    routes = [draw_random(space, generator).routes for _ in range(4000)]
    # depth 2: 2 widths; depth 3 or 4: kernel 3, 2 widths; kernel 5: width 16, or width 32 twice.
    size = (2 + 2 * (2 + 1 + 2)) * 2 * 2
    assert np.mean(routes) == pytest.approx(size, rel=0.05)


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("depth=2", "it is not JSON"),
        ("[2]", "it is not an object in braces"),
        ("2", "it is not an object in braces"),
        ('{"depth":2,"depth":2}', "it has a choice twice"),
        ('{"depth":2}', "it has no 'width', one of 16, 32"),
        ('{"depth":5}', "'depth' is 5, not one of 2, 3, 4"),
        ('{"depth":2.0}', r"'depth' is 2\.0, not one of 2, 3, 4"),
        ('{"depth":2,"width":true}', "'width' is True, not one of 16, 32"),
        ('{"depth":[2]}', r"'depth' is \[2\], not one of"),
        (
            '{"depth":2,"width":16,"kernel_2":3}',
            "it has 'kernel_2', which is a choice only if 'depth' is 3 or 4",
        ),
        (
            '{"depth":2,"width":16,"scale":1.0,"activation":"relu","dpeth":1}',
            "there is no choice 'dpeth'; did you mean 'depth'?",
        ),
        ('{"depth":2,"width":16,"scale":1.0,"activation":"tanh"}', "'activation' is 'tanh', not"),
    ],
)
def test_an_architecture_of_another_space_is_refused(of, arch, message):
    with pytest.raises(NaswotError, match=message) as error:
        of().build(arch, 1)
    assert "mine.py such as {" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("choices = {", r"cannot be imported \(SyntaxError: .*line 1.*Fix it first"),
        ("import no_such", r"cannot be imported \(ModuleNotFoundError"),
        (BUILD, r"has no choices\. Add a dictionary such as choices = {"),
        ("choices = [3]", r"choices is \[3\]\. Write a dictionary"),
        ("choices = {}", r"choices is {}\. Write a dictionary"),
        ("choices = {3: [1]}", "the choice 3 cannot be a parameter"),
        ("choices = {'a b': [1]}", "the choice 'a b' cannot be a parameter"),
        ("choices = {'for': [1]}", "the choice 'for' cannot be a parameter"),
        ("choices = {'classes': [1]}", "'classes' cannot be a choice.*Rename"),
        ("choices = {'depth': 3}", r"choices\['depth'\] is 3\. Write a list"),
        ("choices = {'depth': []}", r"choices\['depth'\] is \[\]\. Write a list"),
        ("choices = {'depth': 'abc'}", r"choices\['depth'\] is 'abc'\. Write a list"),
        ("choices = {'depth': {1, 2}}", r"choices\['depth'\] is {1, 2}\. Write a list"),
        ("choices = {'depth': [None]}", r"choices\['depth'\] has None \(NoneType\)"),
        ("choices = {'depth': [[1]]}", r"choices\['depth'\] has \[1\] \(list\)"),
        ("choices = {'depth': [float('nan')]}", r"choices\['depth'\] has nan \(float\)"),
        (
            "import numpy as np\nchoices = {'depth': [*np.arange(2)]}",
            r"choices\['depth'\] has np.int64\(0\) \(int64\)",
        ),
        ("choices = {'depth': [1, 2, 1]}", "has 1 twice"),
        ("choices = {'depth': [1, True]}", "has True twice"),
        ("choices = {'depth': [1]}\nwhen = 3", r"when is 3\. Write a dictionary"),
        (
            "choices = {'depth': [1]}\nwhen = {'dept': {}}",
            "when names 'dept', which is not a choice. Did you mean 'depth'?",
        ),
        ("choices = {'depth': [1]}\nwhen = {'depth': {}}", r"when\['depth'\] is {}\. Write a dict"),
        ("choices = {'a': [1]}\nwhen = {'a': {'b': [1]}}", r"when\['a'\] names 'b', which is not"),
        ("choices = {'a': [1]}\nwhen = {'a': {'a': [1]}}", r"'a', which does not come before 'a'"),
        (
            "choices = {'a': [1], 'b': [2]}\nwhen = {'a': {'b': [2]}, 'b': {'a': [1]}}",
            r"when\['a'\] asks for 'b', which does not come before 'a'.*Put it first",
        ),
        (
            "choices = {'a': [1], 'b': [2]}\nwhen = {'b': {'a': [3]}}",
            r"when\['b'\]\['a'\] has 3, which is not an option of 'a'. Choose from \[1\]",
        ),
        ("choices = {'a': [1], 'b': [2]}\nwhen = {'b': {'a': 1}}", r"when\['b'\]\['a'\] is 1\."),
        ("choices = {'depth': [1]}", r"has no function build\. Define build\(depth\), which"),
        ("choices = {'depth': [1]}\nbuild = 3", r"has a build that is 3\. Define build\(depth\)"),
        (
            "choices = {'dpth': [1]}\ndef build(depth): ...",
            "build has no parameter 'dpth', which is a choice. It has 'depth'. Add the parameter",
        ),
        (
            "choices = {'depth': [1]}\ndef build(depth, /): ...",
            "build has no parameter 'depth', which is a choice",
        ),
        (
            "choices = {'depth': [1]}\ndef build(depth, width): ...",
            "the parameter 'width' of build is not a choice and has no default",
        ),
        (
            "choices = {'a': [1, 2], 'b': [2]}\nwhen = {'b': {'a': [1]}}\ndef build(a, b): ...",
            r"the parameter 'b' of build needs a default, for when\['b'\]",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named(of, content, message):
    with pytest.raises(NaswotError, match=message) as error:
        of(content)
    assert "mine.py" in str(error.value)


def test_a_file_that_builds_no_network_is_named(of):
    start = "choices = {'depth': [1]}\n"
    failing = of(start + "def build(depth):\n    raise KeyError(depth)\n")
    with pytest.raises(NaswotError, match=r"mine\.py: build\(depth=1\) failed \(KeyError: 1\)"):
        failing.build('{"depth":1}', 2)


def test_what_is_no_module_is_named(of):
    space = of("choices = {'depth': range(1, 3)}\ndef build(**all):\n    return all\n")
    with pytest.raises(NaswotError, match=r"build\(depth=2, classes=4\) returned a dict, not a"):
        space.build('{"depth":2}', 4)
    assert space.diagram is None


def test_dataclasses_and_files_beside_it_can_be_used(of, tmp_path):
    (tmp_path / "alongside.py").write_text("WIDTHS = [3, 5]")
    space = of(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from torch import nn\nfrom alongside import WIDTHS\n"
        "@dataclass\nclass Size:\n    width: int\n"
        "choices = {'width': WIDTHS}\n"
        "def build(width):\n    return nn.Linear(Size(width).width, 1)\n"
    )
    assert space.build('{"width":5}', 9).in_features == 5
    assert [name.rsplit("/", 1)[-1] for name in space.files] == ["alongside.py", "mine.py"]


def test_the_example_runs(root, noise):
    space = choice_space(str(root / "examples/own_space/space.py"))
    generator = np.random.default_rng(2)
    sizes = []
    for _ in range(200):
        drawn = draw_random(space, generator)
        sizes.append(drawn.routes)
    assert np.mean(sizes) == pytest.approx(80, rel=0.1)  # (1 + 2 · 2) · 4 · 2 · 2
    for size in (16, 32):
        network = space.build(drawn.arch, 4)
        assert isinstance(network, nn.Module)
        assert network(noise(2, size)).shape == (2, 4)
    diagram = space.diagram(drawn.arch, "Own space")
    assert len(diagram.skeleton) == drawn.choices["depth"] + 2
    assert (diagram.title, diagram.arch) == ("Own space", drawn.arch)


def test_the_examples_of_the_page_run(of, root, noise, capsys):
    text = (root / "docs/reference/search_spaces.md").read_text(encoding="utf-8")
    file, script = re.findall(r"```python\n(.*?)```", text, re.S)
    space = of(file)
    drawn = picked(space, depth=3, kernel_2=5)
    assert drawn.arch in text
    assert space.build(drawn.arch, 4)(noise(2, 16)).shape == (2, 4)
    exec(compile(script, "search_spaces.md", "exec"), {})
    assert capsys.readouterr().out.startswith("mobile-h1")
