"""The example of a space of one's own runs."""

import runpy

import pytest


@pytest.mark.slow
def test_the_example_finds_an_architecture_by_each_method(root, capsys):
    runpy.run_path(str(root / "examples/weight_sharing.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["RSPS", "DARTS-V1", "GDAS"]
