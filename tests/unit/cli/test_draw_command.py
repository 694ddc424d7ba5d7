"""`naswot draw`: what it writes, what it says, and what it refuses."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest
from architectures import TOPOLOGY, VERTICES

from naswot.cli.main import main
from naswot.spaces.nasbench201 import architectures


@pytest.fixture
def draw(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command in an empty folder: exit code, stdout, stderr."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(*arguments):
        code = main(["draw", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_it_draws_an_svg_here_and_says_so(draw, tmp_path):
    code, out, err = draw("64:8:8:16:24")
    assert (code, err) == (0, "")
    assert out == "natsbench_sss-64-8-8-16-24.svg: NATS-Bench SSS\n"
    picture = ElementTree.parse("natsbench_sss-64-8-8-16-24.svg").getroot()
    assert "64:8:8:16:24" in picture[0].text
    assert [path.name for path in (tmp_path / "here").iterdir()] == [out.split(":")[0]]


@pytest.mark.parametrize(("ending", "start"), [("PNG", b"\x89PNG"), ("pdf", b"%PDF")])
def test_the_output_s_name_is_its_format(draw, tmp_path, ending, start):
    output = tmp_path / "made" / f"cell.{ending}"
    code, out, _ = draw(VERTICES, "--output", output)
    assert (code, out) == (0, f"{output}: NAS-Bench-101\n")
    assert output.read_bytes().startswith(start)


def test_an_official_index_will_do(draw):
    assert draw("6111", "--space", "nasbench201")[0] == 0
    title = ElementTree.parse("nasbench201-6111.svg").getroot()[0].text
    assert architectures()[6111] in title


def test_an_architecture_of_digits_is_no_index(draw):
    assert draw("22212202")[1].endswith("NAS-Bench-Macro\n")
    assert draw("6473", "--space", "nasbenchmacro")[0] == 0
    title = ElementTree.parse("nasbenchmacro-22212202.svg").getroot()[0].text
    assert "22212202" in title


def test_spaces_that_write_alike_are_both_named(draw):
    arch = (
        '{"stem_type":"res_stem_cifar","stem_w":16,"se_r":null,"ss":[1],"block_type":'
        '"res_bottleneck_block","ds":[1],"ws":[64],"bms":[0.25],"gws":[8]}'
    )
    assert "NDS ResNeXt-A or NDS ResNeXt-B" in draw(arch)[1]
    assert draw(arch, "--space", "nds_resnext-b")[1].endswith(": NDS ResNeXt-B\n")


def test_spaces_without_a_benchmark_are_drawn(draw, root):
    arch = "resnet-h0s64-d2w64k3b-d2w128k3b-d2w256k3b-d2w512k3b"
    code, out, err = draw(arch)
    assert (code, err) == (0, "")
    assert out.startswith("resnet-")
    assert out.endswith(".svg: ResNet\n")
    file = root / "examples/own_space/space.py"
    own = '{"depth":2,"width":16,"kernel":3,"pooling":"max"}'
    assert draw(own, "--space", file)[1].endswith(".svg: space\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mobile-h0s16"], "it has 1 groups after the name instead of 7"),
        (["x", "--space", "no/mine.py"], "There is no file no/mine.py"),
        (["|none~0|"], "it has 1 groups joined by '+' instead of 3"),
        (["resnet19"], "not an architecture of any space"),
        (["6111"], "name one with --space nasbench201 or natsbench_sss"),
        (["15625", "--space", "nasbench201"], "has architectures 0 to 15624"),
        (["3", "--space", "nasbench101"], "give the column `arch` of row 3"),
        ([TOPOLOGY, "--space", "natsbench_sss"], "is not a NATS-Bench size architecture"),
        ([TOPOLOGY, "--space", "x"], "There is no search space 'x'"),
        ([TOPOLOGY, "--output", "cell.gif"], "must end in one of .svg, .png, .pdf"),
        ([TOPOLOGY, "--output", "/dev/null/cell.svg"], "cannot be written"),
        ([TOPOLOGY, "--config", "absent.yaml"], "absent.yaml cannot be read"),
    ],
)
def test_mistakes_end_with_one_line(arguments, message, draw, tmp_path):
    code, out, err = draw(*arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith("naswot: ")
    assert err.count("\n") == 1
    assert not list((tmp_path / "here").iterdir())


DIAGRAM = """
from naswot.spaces.graph import Block, Diagram

def diagram(arch):
    return Diagram("My space", arch, (), (Block({"wide": "linear"}[arch], "head", 9, None),))
"""


def test_a_custom_space_may_say_what_it_looks_like(draw, custom, tmp_path):
    config = tmp_path / "mine.yaml"
    entries = "".join(f"    {key}: {value}\n" for key, value in custom.items())
    config.write_text(f"custom_spaces:\n  mine:\n    title: My space\n{entries}")
    arguments = ("--space", "mine", "--config", config)
    code, _, err = draw("wide", *arguments)
    assert code == 1
    assert "space.py has no function diagram(arch)" in err
    space = tmp_path / "space.py"
    other = tmp_path / "drawn.py"  # a module of another name is imported anew
    other.write_text(space.read_text() + DIAGRAM)
    config.write_text(config.read_text().replace("space.py", "drawn.py"))
    code, out, err = draw("wide", *arguments)
    assert (code, out, err) == (0, "mine-wide.svg: My space\n", "")
    assert draw("narrow", *arguments)[2].count("diagram('narrow') failed (KeyError") == 1
    other.rename(tmp_path / "faulty.py").write_text("def diagram(arch):\n    return arch\n")
    config.write_text(config.read_text().replace("drawn.py", "faulty.py"))
    assert "returned a str, not a naswot.spaces.graph.Diagram" in draw("wide", *arguments)[2]


def test_the_example_of_a_custom_space_can_be_drawn(draw, root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    config, output = root / "examples/custom_space/config.yaml", tmp_path / "plain.svg"
    code, _, err = draw("d4-w16-k3", "--space", "plain", "--config", config, "--output", output)
    assert (code, err) == (0, "")
    assert "16 @ 8²" in output.read_text()


def test_networks_to_train_are_drawn_as_those_of_the_space_they_are_of(draw, root, tmp_path):
    output = str(tmp_path / "cell.svg")
    options = ["--config", str(root / "examples/digits/config.yaml"), "--output", output]
    assert draw(TOPOLOGY, "--space", "digit_cells", *options)[0] == 0
    assert "NAS-Bench-201 on digits" in (tmp_path / "cell.svg").read_text()


def test_a_configuration_without_custom_spaces_is_refused(draw, tmp_path):
    (tmp_path / "other.yaml").write_text("seed: 3\n")
    _, _, err = draw("wide", "--space", "mine", "--config", tmp_path / "other.yaml")
    assert "other.yaml describes no `custom_spaces`" in err


def test_an_svg_needs_neither_torch_nor_matplotlib(root, tmp_path):
    code = (
        "import sys; from naswot.cli.main import main; "
        f"main(['draw', {VERTICES!r}, '--output', {str(tmp_path / 'a.svg')!r}]); "
        "sys.exit(bool({'torch', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
