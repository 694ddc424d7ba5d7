"""Draw Figure 8 of the paper: an example network of each search space."""

import json

import matplotlib.pyplot as plt

from naswot.plots.drawing import POINTS, TITLE, draw
from naswot.plots.placing import MARGIN, place
from naswot.spaces import SPACES
from naswot.spaces.diagrams import diagram_of

BELOW = 0.22  # inches under all panels, for notes

# DARTS, second order: Liu, Simonyan & Yang, ICLR 2019, with the width and depth of their CIFAR-10
# networks.
_DARTS = {
    "searchspace": "DARTS",
    "net": {
        "width": 36,
        "depth": 20,
        "aux": True,
        "drop_prob": 0.2,
        "genotype": {
            "normal": [
                ["sep_conv_3x3", 0], ["sep_conv_3x3", 1], ["sep_conv_3x3", 0], ["sep_conv_3x3", 1],
                ["sep_conv_3x3", 1], ["skip_connect", 0], ["skip_connect", 0], ["dil_conv_3x3", 2],
            ],
            "normal_concat": [2, 3, 4, 5],
            "reduce": [
                ["max_pool_3x3", 0], ["max_pool_3x3", 1], ["skip_connect", 2], ["max_pool_3x3", 1],
                ["max_pool_3x3", 0], ["skip_connect", 2], ["skip_connect", 2], ["max_pool_3x3", 1],
            ],
            "reduce_concat": [2, 3, 4, 5],
        },
    },
}  # fmt: skip

# Space, architecture, and its description.
EXAMPLES = (
    (
        "nasbench101",
        '{"matrix":[[0,1,1,0,0,1,1],[0,0,0,0,0,1,0],[0,0,0,1,0,0,0],[0,0,0,0,1,0,0],'
        '[0,0,0,0,0,1,0],[0,0,0,0,0,0,1],[0,0,0,0,0,0,0]],"ops":["input","conv1x1-bn-relu",'
        '"conv3x3-bn-relu","maxpool3x3","conv3x3-bn-relu","conv3x3-bn-relu","output"]}',
        "the cell of the best test accuracy, 94.32 %, mean of three trainings",
    ),
    (
        "nasbench201",
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
        "+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
        "the cell of the best CIFAR-10 test accuracy, 94.37 %",
    ),
    (
        "natsbench_sss",
        "64:64:56:64:24",
        "the channels of the best CIFAR-10 test accuracy after 90 epochs, 93.65 %",
    ),
    ("nds_darts", json.dumps(_DARTS), "the network that DARTS found (Liu et al. 2019)"),
)


def figure8() -> plt.Figure:
    """Draw Figure 8."""
    diagrams = [diagram_of(SPACES[space], arch) for space, arch, _ in EXAMPLES]
    drawings = [place(diagram) for diagram in diagrams]
    heights = [TITLE + placed.height * POINTS / 72 + 0.1 for placed in drawings]
    width = max(placed.width for placed in drawings) * POINTS / 72
    height = sum(heights) + BELOW
    figure, top, left = plt.figure(figsize=(width, height)), height, MARGIN * POINTS / 72
    for letter, diagram, placed, own, (*_, about) in zip(
        "abcd", diagrams, drawings, heights, EXAMPLES, strict=True
    ):
        heading = f"({letter}) {diagram.title}: {about}"
        figure.text(left / width, (top - 0.05) / height, heading, va="top", fontsize=8.5)
        draw(figure, placed, 0, top - TITLE)
        top -= own
    small = (
        "Edges run from left to right. Dotted: none. Dashed and grey: on no path from the input to "
        "the output. ÷2 halves the resolution."
    )
    figure.text(left / width, 0.07 / height, small, fontsize=6.5)
    return figure
