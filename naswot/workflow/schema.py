"""The JSON Schema of the configuration, completed with what the registries hold."""

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml

from naswot.benchmarks.datasets import CUSTOM, TITLES
from naswot.images import SOURCES
from naswot.images.labelled import LABELLED
from naswot.scores import FAMILY_OF
from naswot.search import METHODS, Settings

# What stands in braces in the file: as an `enum` the names, in a description a list of them.
NAMES = {
    "{scores}": list(FAMILY_OF),
    "{images}": list(SOURCES),
    "{labelled}": list(LABELLED),
    "{datasets}": [name for name in TITLES if name != CUSTOM],
    "{methods}": list(METHODS),
}


def read_schema(root: Path) -> dict[str, Any]:
    """Return the schema of the project in the folder `root`."""
    text = (root / "config/schemas/config.schema.yaml").read_text(encoding="utf-8")
    schema = _completed(yaml.safe_load(text))
    settings = {field.name: _setting(field.type) for field in fields(Settings)}
    schema["properties"]["search"]["properties"] |= settings
    return schema


def _completed(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _completed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_completed(value) for value in node]
    if isinstance(node, str):
        if node in NAMES:
            return NAMES[node]
        for mark, names in NAMES.items():
            node = node.replace(mark, ", ".join(names))
    return node


def _setting(kind: Any) -> dict[str, Any]:
    """Return the schema of a setting of searches, by the type of its field."""
    if get_origin(kind) is Literal:
        names = list(get_args(kind))
        return {"description": " or ".join(names), "enum": names}
    if kind is int:
        return {"description": "a whole number from 1", "type": "integer", "minimum": 1}
    return {"description": "a number more than 0", "type": "number", "exclusiveMinimum": 0}
