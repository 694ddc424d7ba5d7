"""The table of contents: every table and figure of a report, in reading order.

It reads nothing, so that planning stays quick. Captions are in `report/`, a file an item.
"""

from dataclasses import dataclass

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
        title: what it is called.
        category: the chapter of the report.
        alt: for figures, what is seen, for those who cannot see it.
    """

    name: str
    title: str
    category: str
    alt: str = ""

    @property
    def figure(self) -> bool:
        """Return whether it is a picture."""
        return bool(self.alt)


_SCATTER = "with one point a network and Kendall tau in the title"
CONTENTS = (
    Item("paper_comparison", "Every number of the paper, and ours", PAPER),
    Item("questions", "What was run, on what, how long, and what is missing", PAPER),
    Item("kendall_tau", "Kendall tau of score and accuracy", SCORES),
    Item(
        "figure3",
        "Figure 3: score against accuracy",
        SCORES,
        f"Scatter plots of the score of untrained networks against their accuracy when trained, "
        f"a panel a search space and dataset, {_SCATTER}.",
    ),
    Item(
        "figure9",
        "Figure 9: NATS-Bench SSS",
        SCORES,
        f"Scatter plots of score against accuracy in NATS-Bench SSS, a dataset each, {_SCATTER}.",
    ),
    Item(
        "figure10",
        "Figure 10: NDS with fixed width and depth",
        SCORES,
        f"Scatter plots of score against accuracy in three NDS spaces, {_SCATTER}.",
    ),
    Item(
        "scatter",
        "Score against accuracy, one by one",
        SCORES,
        f"Scatter plot of score against accuracy in one search space, {_SCATTER}.",
    ),
    Item("score_comparison", "Scores compared", SCORES),
    Item(
        "figure4",
        "Figure 4: Kendall tau of several scores",
        SCORES,
        "Bars of Kendall tau with intervals, a group a search space, a colour a score.",
    ),
    Item(
        "tau_heatmap",
        "Kendall tau, score by space",
        SCORES,
        "Heat map of Kendall tau, a row a score, a column a search space and dataset.",
    ),
    Item(
        "score_agreement",
        "How far scores agree",
        SCORES,
        "Heat map of the rank correlation between each two scores.",
    ),
    Item(
        "tau_by_decile",
        "Kendall tau within each tenth of the networks",
        SCORES,
        "Lines of Kendall tau within each tenth of the networks by accuracy, a colour a score.",
    ),
    Item("table1", "Table 1: NAS-Bench-101", SEARCHES),
    Item("table2", "Table 2: NAS-Bench-201 and NATS-Bench SSS", SEARCHES),
    Item("assistance", "What a score adds to REA", SEARCHES),
    Item(
        "figure7",
        "Figure 7: accuracy against search time",
        SEARCHES,
        "Accuracy of what each search finds against its search time in seconds, on a logarithmic "
        "axis, with names beside the points.",
    ),
    Item(
        "anytime",
        "What each search has found by then",
        SEARCHES,
        "Curves of the median accuracy found so far against simulated seconds, with quartiles, a "
        "colour a search.",
    ),
    Item("claims", "What the paper says of its figures, and what was found", WHY),
    Item(
        "figure1",
        "Figure 1: kernel matrices by accuracy",
        WHY,
        "Kernel matrices of untrained networks, dark where the codes of two images are alike, in "
        "bands from the worst to the best accuracy: off the diagonal those of better networks have "
        "fewer dark places. Below, the share of such pairs, band by band.",
    ),
    Item("kernel_similarity", "How similar codes are, by accuracy", WHY),
    Item(
        "figure2",
        "Figure 2: linear regions and codes",
        WHY,
        "A square of the plane cut by lines into coloured regions, each with its binary code, and "
        "a table of Hamming distances between four marked points.",
    ),
    Item(
        "figure5",
        "Figure 5: ablations",
        WHY,
        "Box plots of the scores of ten architectures over mini-batches, noise, initialisations "
        "and batch sizes, ordered by accuracy.",
    ),
    Item("levels", "Ablations, level by level", WHY),
    Item(
        "ablations",
        "Beyond the paper: initialisation schemes, image sizes, classes",
        WHY,
        "Scores of ten architectures, ordered by accuracy, under schemes of initial weights, "
        "image sizes and numbers of classes.",
    ),
    Item("variance_components", "Where the variance of a score comes from", WHY),
    Item("rank_stability", "How many repeats buy how much rank stability", WHY),
    Item(
        "variance",
        "Variance and rank stability, as a picture",
        WHY,
        "Bars of the shares of variance; curves of Kendall tau between two averages of repeats.",
    ),
    Item(
        "figure6",
        "Figure 6: the score while networks train",
        WHY,
        "Lines of the score of networks against training epochs, above in train mode, below in "
        "eval mode: at the left the first two epochs, at the right the whole run.",
    ),
    Item(
        "figure8",
        "Figure 8: skeletons and cells",
        SPACES,
        "Skeleton and an example cell of each search space, as blocks and as graphs of operations.",
    ),
    Item("run", "What was run, with what, and what is missing", RUN),
    Item("run_times", "How long each stage took", RUN),
)
ITEMS = {item.name: item for item in CONTENTS}
