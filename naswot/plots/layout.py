"""Which figures there are, and their panels. It draws nothing, so that planning stays quick."""

from collections.abc import Mapping, Sequence

INK = "#1b3a5c"  # of a plot's points
# Figure → its panels in the paper's order: (a), (b), … and what each shows.
PANELS: Mapping[int, Sequence[tuple[str, str]]] = {
    3: (
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
    9: (
        ("natsbench_sss", "cifar10"),
        ("natsbench_sss", "cifar100"),
        ("natsbench_sss", "imagenet16_120"),
    ),
    10: (
        ("nds_darts_fix-w-d", "cifar10"),
        ("nds_enas_fix-w-d", "cifar10"),
        ("nds_pnas_fix-w-d", "cifar10"),
    ),
}
# What may stand in a panel whose own space there is no data of; its title says so.
STAND_INS = {"nds_darts": "nasbench301"}


# Views of scores side by side, drawn where there are several.
VIEWS = ("figure4", "tau_heatmap", "score_agreement", "tau_by_decile")
# Views of searches side by side → the table that each shows.
SEARCH_VIEWS: Mapping[str, str] = {
    "figure7": "results/table2.csv",
    "anytime": "results/anytime.csv",
}
# Views of what a score depends on → the tables that each shows.
ABLATION_VIEWS: Mapping[str, Sequence[str]] = {
    "figure5": ("results/ablations/networks.csv", "results/ablations/levels.csv"),
    "ablations": ("results/ablations/networks.csv", "results/ablations/levels.csv"),
    "variance": ("results/variance_components.csv", "results/rank_stability.csv"),
}


def wanted(figure: int, spaces: Sequence[str]) -> bool:
    """Return whether any of `spaces` belongs to `figure`."""
    own = {space for space, _ in PANELS[figure]}
    return not own.isdisjoint(spaces)


def panels_of(figure: int, runs: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return letter → (space, dataset) of the panels of `figure` that `runs` has data for.

    A panel keeps the letter that it has in the paper.
    """
    found = {}
    for number, (space, dataset) in enumerate(PANELS[figure]):
        for one in (space, STAND_INS.get(space)):
            if (one, dataset) in runs:
                found["abcdefghij"[number]] = (one, dataset)
                break
    return found


def kernel_runs(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the spaces of Figure 1, each with the first of its datasets in `runs`.

    The paper shows NAS-Bench-201 and NDS-DARTS. Those come first, then the spaces of its other
    figures in their order, then the rest.
    """
    first: dict[str, str] = {}
    for space, dataset in runs:
        first.setdefault(space, dataset)
    places = ["nasbench201", "nds_darts"]
    places += [space for panels in PANELS.values() for space, _ in panels]
    places = [one for space in places for one in (space, STAND_INS.get(space)) if one]
    return [(space, first[space]) for space in dict.fromkeys([*places, *first]) if space in first]
