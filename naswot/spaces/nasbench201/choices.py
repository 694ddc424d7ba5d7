"""The choices that make an architecture of NAS-Bench-201 or of NATS-Bench's size space."""

from naswot.spaces import natsbench_sss
from naswot.spaces.choices import ChoiceSpace, Choose
from naswot.spaces.nasbench201 import SPACE as TOPOLOGY
from naswot.spaces.nasbench201.cells import EDGES, OPERATIONS, to_string
from naswot.spaces.nasbench201.counting import count_sizes, count_topology

PLACES = ("cell_1", "reduction_1", "cell_2", "reduction_2", "cell_3")


def draw_topology(choose: Choose) -> str:
    """Return the cell string of six chosen operations."""
    chosen = (choose(f"edge_{source}_{target}", OPERATIONS) for source, target in EDGES)
    return to_string(tuple(map(str, chosen)))


def draw_sizes(choose: Choose) -> str:
    """Return the channel string of five chosen numbers of channels."""
    return ":".join(str(choose(place, natsbench_sss.CHOICES)) for place in PLACES)


SPACES = (
    ChoiceSpace(
        name=TOPOLOGY.name,
        title=TOPOLOGY.title,
        draw=draw_topology,
        build=TOPOLOGY.build,
        count=count_topology,
        diagram=TOPOLOGY.diagram,
        about=(
            "The cell varies: one of five operations on each of six edges. Depth and width do not.",
            "Height and width of the images must be multiples of 4.",
        ),
    ),
    ChoiceSpace(
        name=natsbench_sss.SPACE.name,
        title=natsbench_sss.SPACE.title,
        draw=draw_sizes,
        build=natsbench_sss.SPACE.build,
        count=count_sizes,
        diagram=natsbench_sss.SPACE.diagram,
        about=(
            "The channels of five blocks vary, from 8 to 64. The cell and the depth do not.",
            "Height and width of the images must be multiples of 4.",
        ),
    ),
)
