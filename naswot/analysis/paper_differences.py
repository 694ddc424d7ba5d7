"""Known differences between what we do and what the paper does, in words."""

from collections.abc import Mapping
from typing import Any

from naswot.analysis.tables import pool_of
from naswot.benchmarks.datasets import TITLES
from naswot.search import METHODS
from naswot.spaces import SPACES

# The paper's settings of scoring, of searches that train, and of evolution.
PAPER_BATCH_SIZE = 128
PAPER_BUDGET_S = 12000
PAPER_SEARCH = {"epochs": 12, "repeats": "paid", "overrun": "discard"}
PAPER_EVOLUTION = {"rea": {"population": 10}, "area": {"population": 10, "area_sample": 20}}
# Data set → the image source with the images that the networks were trained on.
OWN_IMAGES = {
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "imagenet16_120": "imagenet16",
    "imagenet": "imagenette",
}
SPACE = "nasbench201"
# (Method, data set or "": all) → what experiments with its trainings of 12 epochs say of the
# numbers; docs/explanation/results.md has them.
MEASURED = {
    ("reinforce", ""): "with a learning rate of .05 all its numbers agree",
    ("bohb", ""): "its means are the paper's after 43 to 49 % of the budget",
    ("rea", "imagenet16_120"): "a tournament of 5 agrees here, but no longer on CIFAR-10",
    ("area", "imagenet16_120"): "none of 12 settings reaches the paper's number",
}
REPEATS = "the accuracy is the mean over repeats, in the authors' code the best repeat's"


def of_search(
    space: str, dataset: str, about: Mapping[str, Any], scoring: Mapping[str, Any]
) -> list[str]:
    """List the differences between our search, by its metadata, and the paper's.

    Args:
        space, dataset: of the search.
        about: the metadata of its runs.
        scoring: `batch_size, image_size, precision, relu_count, deduplicate` of the run.
    """
    method, differences = about["method"], list(about.get("differences", ()))
    budgeted = METHODS.get(method)
    if budgeted is None and about.get("sample", "all") != "all":
        differences.append(pool_of(about))
    if method == "naswot" or (budgeted is not None and budgeted.scores != "none"):
        shown = about.get("searched", dataset)
        differences += of_scoring(space, shown, about["images"], scoring)
    if budgeted is not None:
        differences += _of_budget(space, about)
    if space == "nasbench101":
        differences.append(REPEATS)
    return differences


def _of_budget(space: str, about: Mapping[str, Any]) -> list[str]:
    method, differences = about["method"], []
    if space == SPACE and about["searched"] != "cifar10":
        differences.append(f"searched on {TITLES[about['searched']]} instead of CIFAR-10")
    expected = PAPER_SEARCH | PAPER_EVOLUTION.get(method, {})
    differences += [
        f"search.{name} = {about[name]} instead of {value}"
        for name, value in expected.items()
        if about[name] != value
    ]
    if about["budget_unit"] == "s":
        budget = about["budget"] * about["epochs"] / about["fitness_epochs"][-1]
        if round(budget) != PAPER_BUDGET_S:
            differences.append(f"search.budget_s = {budget:,.0f} s instead of {PAPER_BUDGET_S:,} s")
    else:
        differences.append(f"a budget of {about['budget']:,.0f} trainings")
    if about["note"]:
        differences.append(about["note"])
    if method in PAPER_EVOLUTION:
        differences.append(f"a tournament of {about['tournament']} (the paper gives no size)")
    if method == "reinforce":
        differences.append(f"a learning rate of {about['learning_rate']} (the paper gives none)")
    if space == SPACE and about["fitness_epochs"][-1] == PAPER_SEARCH["epochs"]:
        differences += [
            f"measured: {MEASURED[key]} (docs/explanation/results.md)"
            for key in ((method, ""), (method, about["dataset"]))
            if key in MEASURED
        ]
    return differences


def of_scoring(space: str, dataset: str, images: str, scoring: Mapping[str, Any]) -> list[str]:
    """List the differences between our scoring and the paper's; `scoring` as in `of_search`."""
    differences = []
    if images != OWN_IMAGES.get(dataset):
        side = scoring["image_size"]
        size = "" if images in OWN_IMAGES.values() else f" of {side}×{side} pixels"
        differences.append(f"scored on {images}{size}, not on the dataset's images")
    if scoring["batch_size"] != PAPER_BATCH_SIZE:
        differences.append(
            f"mini-batches of {scoring['batch_size']} images instead of {PAPER_BATCH_SIZE}"
        )
    if scoring["precision"] != "float32":
        auto = "float32 or bfloat16, as the machine is" if scoring["precision"] == "auto" else ""
        differences.append(f"scored in {auto or scoring['precision']}")
    if scoring["deduplicate"] and SPACES[space].unique:
        differences.append("isomorphic architectures share one score")
    if scoring["relu_count"] == "once" and space.startswith("nds_"):
        differences.append("each ReLU counts once, in the published scores some count twice")
    return differences
