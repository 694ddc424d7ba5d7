"""What unit tests share."""

import matplotlib.pyplot as plt
import pytest

from naswot.plots import writing


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
        writing.write_figure(name, inputs, outputs, settings)
        assert outputs[0].read_bytes().startswith(b"\x89PNG")
        assert outputs[1].read_bytes().startswith(b"%PDF")
        monkeypatch.setattr(writing, "save", save)
        return texts

    return draw
