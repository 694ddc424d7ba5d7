"""Save the state of a training after each epoch, and load it to resume."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from naswot.io.atomic import replacing
from naswot.runtime.progress import log

# Name → object with `state_dict` and `load_state_dict`, such as a network or an optimiser.
Parts = Mapping[str, Any]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Checkpoint:
    """A file with the state of networks and optimisers, and the other state needed to resume.

    It is a SHA-256 digest, since torch checks none, followed by plain data that `torch.load` reads
    with `weights_only`. The file is always complete, because it is renamed into place.

    Attributes:
        path: the file; it need not exist.
        settings: everything that the training depends on. A file with other settings is ignored.
    """

    path: Path
    settings: Mapping[str, Any]

    def load(
        self,
        make: Callable[[], Made],
        device: torch.device,
        parts: Callable[[Made], Parts],
    ) -> tuple[Made, dict[str, Any]] | None:
        """Return what `make` makes, with its parts in the saved state, and the other state.

        Return None if there is no file. Also return None, with a warning in the log, if the file
        is damaged or belongs to another training or another network.

        Args:
            make: called for new ones, so that a file that fits only in part leaves no trace.
            device: the device of the networks.
            parts: returns the parts of what was made.
        """
        if not self.path.exists():
            return None
        made = make()
        try:
            kept = self._read(device)
            if kept["settings"] != self._settings():
                log.warning("%s has other settings; training from the start", self.path)
                return None
            for name, part in parts(made).items():
                part.load_state_dict(kept[name])
            return made, kept["state"]
        except Exception as error:  # torch raises many kinds
            log.warning(
                "%s is damaged or belongs to another network (%s: %s); training from the start",
                self.path,
                type(error).__name__,
                error,
            )
            return None

    def found_settings(self) -> dict[str, Any] | None:
        """Return the settings in the file; None if there is no file or it is damaged."""
        if not self.path.exists():
            return None
        try:
            found = json.loads(self._read(torch.device("cpu"))["settings"])
        except Exception:  # torch raises many kinds; `load` tells of them
            return None
        return found if isinstance(found, dict) else None

    def _read(self, device: torch.device) -> dict[str, Any]:
        content = self.path.read_bytes()
        size = hashlib.sha256().digest_size
        if hashlib.sha256(content[size:]).digest() != content[:size]:
            raise ValueError("its bytes do not match their checksum")
        return torch.load(io.BytesIO(content[size:]), map_location=device, weights_only=True)  # noqa: TID251, weights only

    def save(self, parts: Parts, state: dict[str, Any]) -> None:
        """Write the file; `state` holds plain numbers, texts, lists and dicts.

        Raises:
            NaswotError: the file cannot be written.
        """
        kept = {name: part.state_dict() for name, part in parts.items()}
        kept |= {"settings": self._settings(), "state": state}
        stream = io.BytesIO()
        torch.save(kept, stream)
        content = stream.getvalue()
        with replacing(self.path) as temporary:
            temporary.write_bytes(hashlib.sha256(content).digest() + content)

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)

    def _settings(self) -> str:
        return json.dumps(self.settings, sort_keys=True, default=str)
