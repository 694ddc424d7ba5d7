"""The state of a training after its last whole epoch, in a file."""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from naswot.files import replacing
from naswot.progress import log


@dataclass(frozen=True)
class Checkpoint:
    """A file with weights, the optimiser's state and what else is needed to go on.

    It is plain data, which `torch.load` reads with `weights_only`, and always whole, for it is
    renamed into place.

    Attributes:
        path: the file; it need not exist.
        settings: all that the training depends on. A file with others is left aside.
    """

    path: Path
    settings: Mapping[str, Any]

    def load(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, device: torch.device
    ) -> dict[str, Any] | None:
        """Bring network and optimiser to the state that was saved, and return the other state.

        None, and nothing changes, if there is no file, or one that is damaged or of another
        training; the log says so.
        """
        if not self.path.exists():
            return None
        try:
            kept = torch.load(self.path, map_location=device, weights_only=True)
            settings, state = kept["settings"], kept["state"]
        except (OSError, EOFError, KeyError, RuntimeError, TypeError, pickle.UnpicklingError) as e:
            log.warning("%s is damaged (%s); training from the start", self.path, e)
            return None
        if settings != self._settings():
            log.warning("%s is of other settings; training from the start", self.path)
            return None
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
        return state

    def save(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, state: dict[str, Any]
    ) -> None:
        """Write the file; `state` holds plain numbers, texts, lists and dicts.

        Raises:
            NaswotError: it cannot be written.
        """
        kept = {
            "settings": self._settings(),
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "state": state,
        }
        with replacing(self.path) as temporary, temporary.open("wb") as stream:
            torch.save(kept, stream)

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)

    def _settings(self) -> str:
        return json.dumps(self.settings, sort_keys=True, default=str)
