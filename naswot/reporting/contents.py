"""The table of contents: every table and figure of a report, in reading order.

It reads no files, so that planning is fast. Captions are in `report/`, one file per item.
"""

from dataclasses import dataclass

from naswot.plots.registry import FIGURES

PAPER = "1 The paper's numbers and ours"
SCORES = "2 Scores and accuracies"
SEARCHES = "3 Searches"
WHY = "4 Why it works"
SPACES = "5 Search spaces"
RUN = "6 This run"


@dataclass(frozen=True)
class Item:
    """One table or figure.

    Attributes:
        name: a table is results/{name}.csv, a figure results/figures/{name}.png; its caption
            is report/{name}.rst.
        title: its title.
        category: its chapter in the report.
        alt: for figures, alternative text for people who cannot see it. The leaderboard is both a
            figure and a table.
    """

    name: str
    title: str
    category: str
    alt: str = ""


def _figure(name: str, category: str) -> Item:
    return Item(name, FIGURES[name].title, category, FIGURES[name].alt)


CONTENTS = (
    Item("paper_comparison", "Every number of the paper, and ours", PAPER),
    Item("questions", "What was run, on what, how long, and what is missing", PAPER),
    Item("kendall_tau", "Kendall tau of score and accuracy", SCORES),
    _figure("figure3", SCORES),
    _figure("figure9", SCORES),
    _figure("figure10", SCORES),
    _figure("scatter", SCORES),
    _figure("leaderboard", SCORES),
    Item("score_comparison", "Scores compared", SCORES),
    Item("score_top", "What each score puts first", SCORES),
    _figure("figure4", SCORES),
    _figure("tau_heatmap", SCORES),
    _figure("score_agreement", SCORES),
    _figure("tau_by_decile", SCORES),
    Item("table1", "Table 1: NAS-Bench-101", SEARCHES),
    Item("table2", "Table 2: NAS-Bench-201 and NATS-Bench SSS", SEARCHES),
    Item("initialisations", "What NASWOT finds with other initial weights", SEARCHES),
    Item("assistance", "What a score adds to REA", SEARCHES),
    _figure("figure7", SEARCHES),
    _figure("anytime", SEARCHES),
    Item("claims", "What the paper says of its figures, and what was found", WHY),
    _figure("figure1", WHY),
    Item("kernel_similarity", "How similar codes are, by accuracy", WHY),
    _figure("figure2", WHY),
    _figure("figure5", WHY),
    Item("levels", "Ablations, level by level", WHY),
    _figure("ablations", WHY),
    Item("variance_components", "Where the variance of a score comes from", WHY),
    Item("rank_stability", "How many repeats buy how much rank stability", WHY),
    _figure("variance", WHY),
    _figure("figure6", WHY),
    _figure("figure8", SPACES),
    Item("run", "What was run, with what, and what is missing", RUN),
    Item("run_times", "How long each stage took", RUN),
)
ITEMS = {item.name: item for item in CONTENTS}
