"""The choices that make an architecture of NAS-Bench-Macro."""

from naswot.spaces.choices import ChoiceSpace, Choose
from naswot.spaces.nasbenchmacro import SPACE as BENCHMARK
from naswot.spaces.nasbenchmacro.architecture import LAYERS, OPERATIONS
from naswot.spaces.nasbenchmacro.counting import count

_DIGITS = {operation.name: str(digit) for digit, operation in enumerate(OPERATIONS)}


def draw(choose: Choose) -> str:
    """Return the architecture of eight chosen operations."""
    names = tuple(_DIGITS)
    return "".join(
        _DIGITS[str(choose(f"layer_{number}", names))] for number in range(1, LAYERS + 1)
    )


SPACE = ChoiceSpace(
    name=BENCHMARK.name,
    title=BENCHMARK.title,
    draw=draw,
    build=BENCHMARK.build,
    count=count,
    diagram=BENCHMARK.diagram,
    about=(
        "Each of eight layers is an inverted residual block of 3×3 or 5×5 or, but for a change of "
        "shape, nothing. The channels do not vary.",
    ),
)
