"""Read YAML written by users, without running code and with bounds on memory.

A few lines of aliases can define a list of lists with billions of parts ("billion laughs"), or a
mapping that is merged into itself thirty times.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from naswot.errors import NaswotError

LARGEST_BYTES = 2**20
MOST_ALIASES = 1000
LARGEST_MAPPING = 10_000  # entries, including merged ones
MOST_PARTS = 1_000_000  # parts of an alias count each time it is used


class _Loader(yaml.SafeLoader):
    """The safe loader, with bounds."""

    aliases = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MOST_ALIASES:
                raise yaml.YAMLError(f"it has more than {MOST_ALIASES:,} aliases")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > LARGEST_MAPPING:
            raise yaml.YAMLError(f"a mapping has more than {LARGEST_MAPPING:,} entries")


# YAML 1.1 reads 1e-3, 1.5e3 and +.5 as text; read them as numbers.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$|[-+]\.[0-9]+$"),
    list("+-.0123456789"),
)


def read_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file.

    Raises:
        NaswotError: the file is missing, too large or not YAML, or its aliases form a cycle or
            expand without bound.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise NaswotError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_BYTES:
        raise NaswotError(f"{path} has more than {LARGEST_BYTES:,} bytes, too many for YAML.")
    try:
        return parse_yaml(content.decode("utf-8"))
    except ValueError as error:
        text = " ".join(str(error).split())[:400]
        raise NaswotError(f"{path} is not readable as YAML: {text}.") from error


def parse_yaml(text: str) -> Any:
    """Return the value of YAML text.

    Raises:
        ValueError: it is not YAML, or its aliases form a cycle or expand without bound.
    """
    try:
        found = yaml.load(text, _Loader)  # noqa: S506, TID251, the safe loader, bounded
    except (  # for an impossible date, a number without digits and similar
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        yaml.YAMLError,
    ) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    if not is_bounded(found):
        raise ValueError("its YAML aliases form a cycle or expand without bound")
    return found


def is_bounded(value: Any) -> bool:
    """Return whether `value`, of lists and dictionaries, has at most `MOST_PARTS` parts."""
    left, waiting = MOST_PARTS, [value]
    while waiting and left > 0:
        part = waiting.pop()
        if isinstance(part, dict):
            part = [*part, *part.values()]
        if isinstance(part, (list, tuple, set)):
            left -= len(part)
            if left > 0:
                waiting.extend(part)
    return left > 0
