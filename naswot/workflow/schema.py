"""Read the JSON Schema of the configuration and complete it with names from the registries."""

from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml

from naswot.benchmarks.datasets import CUSTOM, TITLES
from naswot.images import SOURCES
from naswot.images.labelled import LABELLED
from naswot.scores import AGGREGATES, FAMILY_OF
from naswot.scores.aggregates import RULES
from naswot.search import METHODS, Settings
from naswot.supernet import METHODS as SHARING

# Placeholder in the file → names: a list as an `enum`, joined by commas in a description.
NAMES = {
    "{scores}": list(FAMILY_OF),
    "{aggregates}": list(AGGREGATES),
    "{rules}": list(RULES),
    "{images}": list(SOURCES),
    "{labelled}": list(LABELLED),
    "{datasets}": [name for name in TITLES if name != CUSTOM],
    "{methods}": list(METHODS),
    "{sharing}": list(SHARING),
}


def read_schema(root: Path) -> dict[str, Any]:
    """Return the completed schema; `root` is the project's folder."""
    text = (root / "config/schemas/config.schema.yaml").read_text(encoding="utf-8")
    schema = _completed(yaml.safe_load(text))
    settings = {field.name: _setting(field.type) for field in fields(Settings)}
    search = schema["properties"]["search"]
    search["properties"] |= settings
    search["required"] += list(settings)
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
    """Return the schema of a search setting, from the type of its field."""
    if get_origin(kind) is Literal:
        names = list(get_args(kind))
        return {"description": " or ".join(names), "enum": names}
    if kind is int:
        return {"description": "a whole number from 1", "type": "integer", "minimum": 1}
    return {"description": "a number more than 0", "type": "number", "exclusiveMinimum": 0}
