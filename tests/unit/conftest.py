"""What unit tests share."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from naswot.plots import writing

BUILD = """
from torch import nn
from neighbour import WIDTHS

def build(arch, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(48, WIDTHS[arch]), nn.ReLU(),
                         nn.Linear(WIDTHS[arch], classes))
"""


@pytest.fixture(autouse=True)
def forget(tmp_path_factory):
    """Forget after each test what it imported from its folder; return a function that does so."""
    base, path, known = tmp_path_factory.getbasetemp(), list(sys.path), set(sys.modules)

    def forget():
        for name in sys.modules.keys() - known:
            spec = getattr(sys.modules[name], "__spec__", None)
            places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
            if any(base in Path(place).parents for place in places if place):
                del sys.modules[name]

    yield forget
    forget()
    sys.path[:] = path


@pytest.fixture
def custom(tmp_path):
    """Return the description of a space with two networks."""
    (tmp_path / "neighbour.py").write_text("WIDTHS = {'narrow': 3, 'wide': 9}")
    (tmp_path / "space.py").write_text(BUILD)
    csv = "arch,params,flowers/val/9,flowers/test/9\nwide,510,70,71\nnarrow,160,,51\n"
    (tmp_path / "mine.csv").write_text(csv)
    return {"networks": str(tmp_path / "space.py"), "accuracies": str(tmp_path / "mine.csv")}


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Return a function that writes a figure as PNG and PDF, and returns the texts in it."""

    def draw(name, inputs, **settings) -> list[str]:
        texts, save = [], writing.save

        def record(figure, outputs):
            texts.extend(text.get_text() for text in figure.findobj(plt.Text))
            save(figure, outputs)

        monkeypatch.setattr(writing, "save", record)
        outputs = [tmp_path / f"{name}.png", tmp_path / f"{name}.pdf"]
        writing.plot_figure(name, inputs, outputs, settings)
        assert outputs[0].read_bytes().startswith(b"\x89PNG")
        assert outputs[1].read_bytes().startswith(b"%PDF")
        monkeypatch.setattr(writing, "save", save)
        return texts

    return draw
