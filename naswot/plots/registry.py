"""Registry of all figures: the function that draws each, its inputs, title and alternative text.

This module imports no drawing code, so that planning a run is fast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One figure, which `naswot.plots.writing.plot_figure` writes.

    Attributes:
        function: the function that draws it, MODULE.FUNCTION of `naswot.plots`. It takes the inputs
            and the settings of the configuration as keyword arguments, and returns a matplotlib
            figure.
        title: its title.
        alt: alternative text for people who cannot see it.
        inputs: argument of the function → the table or the files that it shows.
    """

    function: str
    title: str
    alt: str
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The file of the function, relative to the project."""
        return f"naswot/plots/{self.function.partition('.')[0]}.py"


_POINTS = "with one point per network and Kendall tau in the title"
_PANELS = {"joined": "joined", "correlations": "kendall_tau"}
_SCORES = {"comparison": "score_comparison"}
_ABLATIONS = {"networks": "networks", "levels": "levels"}

FIGURES: Mapping[str, Figure] = {
    "figure1": Figure(
        "figure1.figure1",
        "Figure 1: kernel matrices by accuracy",
        "Kernel matrices of untrained networks, dark where the codes of two images are alike, in "
        "bands from the worst to the best accuracy: off the diagonal those of better networks have "
        "fewer dark places. Below, the share of such pairs, band by band.",
        {"kernels": "kernels", "similarity": "kernel_similarity"},
    ),
    "figure2": Figure(
        "figure2.figure2",
        "Figure 2: linear regions and codes",
        "A square of the plane cut by lines into coloured regions, each with its binary code, and "
        "a table of Hamming distances between four marked points.",
        {
            "regions": "regions",
            "boundaries": "boundaries",
            "inputs": "inputs",
            "kernels": "input_kernels",
        },
    ),
    "figure3": Figure(
        "panels.panels",
        "Figure 3: score against accuracy",
        "Scatter plots of the score of untrained networks against their accuracy when trained, "
        f"one panel per search space and dataset, {_POINTS}.",
        _PANELS,
    ),
    "figure4": Figure(
        "comparison.figure4",
        "Figure 4: Kendall tau of several scores",
        "Bars of Kendall tau with intervals, one group per search space, one colour per score.",
        _SCORES,
    ),
    "figure5": Figure(
        "sensitivity.figure5",
        "Figure 5: ablations",
        "Box plots of the scores of ten architectures over mini-batches, noise, initialisations "
        "and batch sizes, ordered by accuracy.",
        _ABLATIONS,
    ),
    "figure6": Figure(
        "figure6.figure6",
        "Figure 6: the score while networks train",
        "Lines of the score of networks against training epochs, above in train mode, below in "
        "eval mode: at the left the first two epochs, at the right the whole run.",
        {"table": "figure6_scores"},
    ),
    "figure7": Figure(
        "figure7.figure7",
        "Figure 7: accuracy against search time",
        "Accuracy of what each search finds against its search time in seconds, on a logarithmic "
        "axis, with names beside the points.",
        {"table": "table2"},
    ),
    "figure8": Figure(
        "figure8.figure8",
        "Figure 8: skeletons and cells",
        "Skeleton and an example cell of each search space, as blocks and as graphs of operations.",
    ),
    "figure9": Figure(
        "panels.panels",
        "Figure 9: NATS-Bench SSS",
        f"Scatter plots of score against accuracy in NATS-Bench SSS, one per dataset, {_POINTS}.",
        _PANELS,
    ),
    "figure10": Figure(
        "panels.panels",
        "Figure 10: NDS with fixed width and depth",
        f"Scatter plots of score against accuracy in three NDS spaces, {_POINTS}.",
        _PANELS,
    ),
    "scatter": Figure(
        "scatter.scatter",
        "Score against accuracy, one by one",
        f"Scatter plot of score against accuracy in one search space, {_POINTS}.",
        _PANELS,
    ),
    "leaderboard": Figure(
        "leaderboard.leaderboard",
        "Leaderboard: how well every score ranks",
        "Dots of Kendall tau with intervals, one row per score, best first, one panel per search "
        "space, one colour per dataset. Dashed lines: size alone. In bold: aggregates.",
        {"table": "leaderboard"},
    ),
    "tau_heatmap": Figure(
        "comparison.tau_heatmap",
        "Kendall tau, score by space",
        "Heat map of Kendall tau, one row per score, one column per search space and dataset.",
        _SCORES,
    ),
    "score_agreement": Figure(
        "comparison.score_agreement",
        "How far scores agree",
        "Heat map of the rank correlation between each two scores.",
        {"agreement": "score_agreement"},
    ),
    "tau_by_decile": Figure(
        "comparison.tau_by_decile",
        "Kendall tau within each tenth of the networks",
        "Lines of Kendall tau within each tenth of the networks by accuracy, one colour per score.",
        _SCORES,
    ),
    "anytime": Figure(
        "anytime.anytime",
        "What each search has found by then",
        "Curves of the median accuracy found so far against simulated seconds, with quartiles, one "
        "colour per search.",
        {"curves": "anytime"},
    ),
    "search_study": Figure(
        "search_study.search_study",
        "Accuracy under a limit of latency",
        "Curves of the accuracy that searches find against the limit of latency, one row of panels "
        "per device, one column per dataset: by score, by the number of parameters, at random, and "
        "the best possible.",
        {"table": "search_study"},
    ),
    "search_study_trained": Figure(
        "search_study_trained.search_study_trained",
        "Networks chosen by score, trained beside random ones",
        "Dots of the test accuracy of random networks, of the best by score and of the largest; "
        "then accuracy against the score and against the number of parameters.",
        {"table": "search_study_trained", "summary": "search_study_trained_summary"},
    ),
    "weight_sharing": Figure(
        "weight_sharing.weight_sharing",
        "Searches with shared weights",
        "Above: curves of the mean probability of each operation over the epochs, one panel per "
        "search with architecture parameters. Below: accuracy after training against accuracy with "
        "shared weights, for random cells; and what each search found, beside random cells.",
        {
            "table": "weight_sharing",
            "epochs": "weight_sharing_epochs",
            "cells": "weight_sharing_cells",
        },
    ),
    "ablations": Figure(
        "sensitivity.ablations",
        "Beyond the paper: initialisation schemes, image sizes, classes",
        "Scores of ten architectures, ordered by accuracy, under schemes of initial weights, image "
        "sizes and numbers of classes.",
        _ABLATIONS,
    ),
    "variance": Figure(
        "variance.variance",
        "Variance and rank stability, as a picture",
        "Bars of the shares of variance; curves of Kendall tau between two averages of repeats.",
        {"components": "variance_components", "stability": "rank_stability"},
    ),
}
# Figures that compare scores, and figures of what a score depends on.
OF_SCORES = ("leaderboard", "figure4", "tau_heatmap", "score_agreement", "tau_by_decile")
OF_ABLATIONS = ("figure5", "ablations", "variance")

# Figure → space and data set of its panels (a), (b), … in the paper's order.
PANELS: Mapping[str, Sequence[tuple[str, str]]] = {
    "figure3": (
        ("nasbench201", "cifar10"),
        ("nasbench201", "cifar100"),
        ("nasbench201", "imagenet16_120"),
        ("nasbench101", "cifar10"),
        ("nds_amoeba", "cifar10"),
        ("nds_darts", "cifar10"),
        ("nds_enas", "cifar10"),
        ("nds_nasnet", "cifar10"),
        ("nds_pnas", "cifar10"),
        ("nds_darts_in", "imagenet"),
    ),
    "figure9": (
        ("natsbench_sss", "cifar10"),
        ("natsbench_sss", "cifar100"),
        ("natsbench_sss", "imagenet16_120"),
    ),
    "figure10": (
        ("nds_darts_fix-w-d", "cifar10"),
        ("nds_enas_fix-w-d", "cifar10"),
        ("nds_pnas_fix-w-d", "cifar10"),
    ),
}
# Space → replacement in its panel if it has no data; the title of the panel says so.
STAND_INS = {"nds_darts": "nasbench301"}


def wanted(figure: str, spaces: Sequence[str]) -> bool:
    """Return whether any of `spaces` belongs to `figure`."""
    own = {space for space, _ in PANELS[figure]}
    return not own.isdisjoint(spaces)


def panels_of(figure: str, runs: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return letter → (space, data set) of the panels of `figure` that have data in `runs`.

    A panel keeps its letter from the paper.
    """
    found = {}
    for number, (space, dataset) in enumerate(PANELS[figure]):
        for candidate in (space, STAND_INS.get(space, space)):
            if (candidate, dataset) in runs:
                found["abcdefghij"[number]] = (candidate, dataset)
                break
    return found


def kernel_runs(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the spaces of Figure 1, each with its first data set in `runs`.

    NAS-Bench-201 and NDS-DARTS, which the paper shows, come first, then the spaces of its other
    figures in their order, then the rest.
    """
    first: dict[str, str] = {}
    for space, dataset in runs:
        first.setdefault(space, dataset)
    spaces = ["nasbench201", "nds_darts"]
    spaces += [space for panels in PANELS.values() for space, _ in panels]
    spaces = [name for space in spaces for name in (space, STAND_INS.get(space)) if name]
    return [(space, first[space]) for space in dict.fromkeys([*spaces, *first]) if space in first]
