"""Targets: texts of users: architectures, configurations, lists of networks, lists of sources."""

import copy
import functools
import json
from pathlib import Path

import miniatures
import yaml

from fuzz.harness import Target
from naswot.cli.draw import _catalogue
from naswot.cli.networks import read_list
from naswot.errors import NaswotError
from naswot.io.download import read_sources
from naswot.spaces import SPACES
from naswot.workflow import config as configuration
from naswot.workflow.schema import read_schema

ROOT = Path(__file__).parents[2]


def _read_architecture(content: bytes) -> None:
    """Hand a text to every space, none of which may raise anything but a NaswotError."""
    text, complaints = content.decode(errors="replace"), []
    for space in SPACES.values():
        for read in (space.canonical, space.genes):
            try:
                if read is not None:
                    read(text)
            except NaswotError as error:
                complaints.append(str(error))
    if complaints:
        raise NaswotError(max(complaints, key=len))


def _architectures() -> list[bytes]:
    cells = json.dumps({"searchspace": "DARTS", "net": miniatures.cells_net()})
    texts = (miniatures.CELL, miniatures.CELL_101, "64:24:56:48:24", cells, miniatures.ANYNET)
    return [text.encode() for text in texts]


@functools.cache
def _default() -> tuple[dict, dict]:
    default = (ROOT / "config/config.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(default), read_schema(ROOT)


def _read_config(path: Path) -> None:
    """Check the default configuration with what is fuzzed on top of it, as Snakemake does."""
    try:
        changes = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception:  # Snakemake reads the file, and complains itself
        return
    if not isinstance(changes, dict):
        return
    default, schema = _default()
    config = copy.deepcopy(default) | changes
    try:
        configuration.normalise(config)
        configuration.check(config, schema)
    except NaswotError as error:
        raise NaswotError(f"{path.name}: {error}") from error


def _configs() -> list[bytes]:
    return [
        b"spaces: [nasbench201]\nsample: 1000\nimages: {cifar10: noise}\ndatasets: [cifar10]\n"
        b"seed: 1\nbatch_size: 16\n",
        b"custom_spaces: {mine: {networks: nasbench201, train: 5}}\nspaces: [mine]\n"
        b"image_size: 8\n",
        b"methods: [rea]\nn_runs: 3\nprecision: auto\nmirror: null\nkernels: {bands: 2, networks: "
        b"3, shown: 2}\n",
    ]


def _sources() -> list[bytes]:
    keys = "{url: 'http://a', page: b, sha256: null, md5: null, bytes: 5, licence: c, note: d}"
    return [f"file: {keys}\n".encode()]


_LIST = b"- name: deep\n  factory: nets:deep\n  arguments: {depth: 5, wide: true}\n- nets:small\n"

TARGETS = (
    Target("architecture", _architectures, _read_architecture),
    Target("config", _configs, _read_config, "config.yaml"),
    Target("list", lambda: [_LIST], read_list, "models.yaml"),
    Target(
        "draw_config",
        lambda: [b"custom_spaces: {mine: {networks: nasbench201, train: 5}}\nseed: 3\n"],
        _catalogue,
        "mine.yaml",
    ),
    Target("sources", _sources, read_sources, "sources.yaml"),
)
