"""YAML that a person wrote: read without code, in memory that is in proportion to its size.

A few lines of aliases can spell a list of lists that is printed for ever ("billion laughs"), or a
mapping that is merged into itself thirty times.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from naswot.errors import NaswotError

LARGEST_BYTES = 2**20
MOST_ALIASES = 1000
LARGEST_MAPPING = 10_000  # entries, with those that are merged in
MOST_PARTS = 1_000_000  # counting what an alias stands for as often as it is named


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


# YAML 1.1 takes 1e-3, 1.5e3 and +.5 for texts.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$|[-+]\.[0-9]+$"),
    list("+-.0123456789"),
)


def read_yaml(path: str | Path) -> Any:
    """Return what a YAML file holds.

    Raises:
        NaswotError: the file is missing, too large, or not YAML, or its aliases lead in circles or
            multiply.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise NaswotError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_BYTES:
        raise NaswotError(f"{path} has more than {LARGEST_BYTES:,} bytes; it is not read as YAML.")
    try:
        return parse_yaml(content.decode("utf-8"))
    except ValueError as error:
        text = " ".join(str(error).split())[:400]
        raise NaswotError(f"{path} is not readable as YAML: {text}.") from error


def parse_yaml(text: str) -> Any:
    """Return what YAML text means.

    Raises:
        ValueError: it is not YAML, or its aliases lead in circles or multiply.
    """
    try:
        found = yaml.load(text, _Loader)  # noqa: S506, TID251, the safe loader, bounded
    except (  # of a date of no month, a number without digits and the like
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        yaml.YAMLError,
    ) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    if not is_bounded(found):
        raise ValueError("its aliases lead in circles or multiply")
    return found


def is_bounded(value: Any) -> bool:
    """Whether `value`, of lists and dictionaries, can be walked through in reasonable time."""
    left, waiting = MOST_PARTS, [value]
    while waiting and left > 0:
        one = waiting.pop()
        if isinstance(one, dict):
            one = [*one, *one.values()]
        if isinstance(one, (list, tuple, set)):
            left -= len(one)
            if left > 0:
                waiting.extend(one)
    return left > 0
