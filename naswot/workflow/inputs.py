"""List the input files that no rule makes: code, images, official tables, templates.

Jobs read them at their own path, also when a remote storage holds the results. Snakemake's `local`
would do the same, but it keeps jobs that read such files away from machines without a shared file
system.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from snakemake.io import flag
from snakemake.path_modifier import PATH_MODIFIER_FLAG

from naswot.benchmarks import hardware
from naswot.benchmarks.catalogue import Catalogue
from naswot.benchmarks.sources import Source, find
from naswot.images import SOURCES, folder
from naswot.io import digests
from naswot.io.python_files import local_imports
from naswot.plots.registry import FIGURES
from naswot.scores.custom import family_named, source_files
from naswot.spaces import Space
from naswot.supernet import METHODS as SHARING
from naswot.workflow import paths
from naswot.workflow.code_dependencies import sources
from naswot.workflow.config import image_directory


def in_place(file: str | Path) -> str:
    """Return a file, marked so that Snakemake reads it at its own path."""
    return flag(str(file), PATH_MODIFIER_FLAG)


def from_here(file: Path) -> Path:
    """Return the path of a file, relative if it is in the working folder, so that it may move."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


class Inputs:
    """The input files of a run that no rule makes.

    Args:
        config: a configuration that passed `naswot.workflow.config.check`.
        root: the folder of the project.
        catalogue: what `naswot.workflow.config.check` returned.
    """

    def __init__(self, config: Mapping[str, Any], root: Path, catalogue: Catalogue):
        self.config, self.root, self.catalogue = config, root, catalogue

    def ours(self, file: str | Path) -> str:
        """Return the path of a project file, relative if it is in the working folder."""
        return in_place(from_here(self.root / file))

    def code(
        self,
        rule: str,
        *,
        space: str | None = None,
        family: str | None = None,
        figure: str | None = None,
        table: str | None = None,
        sharing: str | None = None,
    ) -> list[str]:
        """Return the library files that a rule's script runs; as inputs, edits re-run the rule.

        Args:
            rule: the rule; its script has the same name.
            space: the only space whose networks the script builds.
            family: the family of scores that it computes; the script finds its file by name.
            figure: the figure that it draws; the script finds its file by name.
            table: the space whose benchmark it reads; the script finds the reader by the space.
            sharing: the method that shares weights; the script finds its file by name.
        """
        files = set(sources(self.root / f"scripts/{rule}.py", self.root))
        named, beside = [], []
        if family is not None:
            own = family_named(family).function is not None
            named.append(f"naswot/scores/{'custom' if own else family}.py")
            beside += source_files(family) if own else []
        if figure is not None:
            named.append(FIGURES[figure.partition("/")[0]].module)
        for source in self.catalogue[table].sources if table is not None else ():
            reader: Any = getattr(source.read, "func", source.read)
            named.append(self._module(reader.__module__.replace(".", "/")))
        if sharing is not None:
            imported = SHARING[sharing].searcher.name.partition(":")[0]
            named.append(self._module(imported.replace(".", "/")))
        if space is not None:
            known = self.catalogue[space].space
            module = place(known)
            others = {place(other.space) for other in self.catalogue.values()}
            foreign = [other for other in others if other and other != module]
            folders = tuple(f"{other}/" for other in foreign)
            alone = {f"{other}.py" for other in foreign}
            files = {file for file in files if not file.startswith(folders) and file not in alone}
            if module is None and known.file is not None:
                beside += local_imports(known.file)
                files.add("naswot/spaces/custom.py")
            elif module is not None:
                named.append(self._module(module))
        for file in named:
            files |= {file, *sources(self.root / file, self.root)}
        return [self.ours(file) for file in sorted(files)] + [in_place(file) for file in beside]

    def _module(self, name: str) -> str:
        package = f"{name}/__init__.py"
        return package if (self.root / package).exists() else f"{name}.py"

    def templates(self) -> list[str]:
        """Return the templates of pages."""
        folder = self.root / "naswot/reporting/templates"
        return [self.ours(file.relative_to(self.root)) for file in sorted(folder.glob("*.*"))]

    def caption_templates(self, captions: Iterable[str]) -> list[str]:
        """Return the templates of captions."""
        return [self.ours(f"report/{Path(file).name}") for file in captions]

    def space_files(self, space: str) -> list[str]:
        """Return the user's files that define a space as choices; nothing for a built-in one."""
        own = local_imports(space) if space.endswith(".py") else []
        return [in_place(file) for file in own]

    def official_files(self) -> list[str]:
        """Return the names of the files that can be fetched."""
        return list(yaml.safe_load((self.root / "config/sources.yaml").read_text(encoding="utf-8")))

    def image_files(self, images: str, training: bool = False) -> list[str]:
        """Return the file or folder that an image source reads; nothing if it needs none."""
        directory = image_directory(self.config, images)
        found = directory and SOURCES[images].find(directory, training)
        return [in_place(os.path.normpath(f"{directory}/{found}"))] if found else []

    def image_content(self, images: str, training: bool = False) -> str | None:
        """Return a digest of the files that an image source reads; None if it needs none.

        In a folder of single image files, test images count only in `training`.
        """
        for file in self.image_files(images, training):
            if images in ("folder", "imagenette") and Path(file).is_dir():
                return folder.fingerprint(file, training)
            return digests.quick_digest(file)
        return None

    def _source(self, space: str) -> Source | None:
        """Return the benchmark source of a space, if it is a file."""
        found = find(self.catalogue[space].sources, self.config["mirror"])
        return None if found is None or found.packaged else found

    def table_file(self, space: str) -> list[str]:
        """Return the file from which the benchmark table of a space is read, if there is one."""
        found = self._source(space)
        if found is None:
            return []
        file = str(found.place(self.config["mirror"]))
        return [file if found.made else in_place(file)]

    def table_content(self, space: str) -> str | None:
        """Return a digest of that file; None if there is none or the workflow makes it."""
        found = self._source(space)
        if found is None or found.made:
            return None
        return digests.quick_digest(found.place(self.config["mirror"]))

    def hardware_file(self) -> list[str]:
        """Return the file of costs on devices in the mirror, if it has one."""
        place = hardware.find_file(self.config["mirror"])
        return [] if place is None else [in_place(place)]

    def hardware_content(self) -> str | None:
        """Return a digest of that file; None if there is none."""
        return next(map(digests.quick_digest, self.hardware_file()), None)

    def listing(self, space: str) -> list[str]:
        """Return the benchmark table if it is the only list of a space's architectures."""
        return (
            []
            if self.catalogue[space].space.architectures
            else [paths.BENCHMARK.format(space=space)]
        )

    def custom_architectures(self, space: str) -> str | None:
        """Return a digest of the architectures of a custom space; None for a built-in one."""
        if space not in self.config["custom_spaces"]:
            return None
        architectures: Any = self.catalogue[space].space.architectures
        return hashlib.sha256("\n".join(architectures()).encode()).hexdigest()


def place(space: Space) -> str | None:
    """Return the file (without .py) or folder that defines a space; None for a user's space."""
    return None if space.file else space.build.__module__.replace(".", "/")
