"""Write the page on the training of one network, the README.md of its folder."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from naswot.runtime.provenance import versions

FILES = """\
- `training.parquet`, `training.csv`: one row per evaluation, with accuracies in percent; `seconds`
  are those of training since the start, without evaluations. The Parquet file has all settings in
  its metadata.
- `training.png`: the loss and the accuracies, epoch by epoch.
- `weights.pt`: the weights after the last epoch, float32, on the CPU.
"""

LOADING = """\
```python
import torch

network = ...  # the same network as in the training, with {classes} outputs
network.load_state_dict(torch.load("weights.pt", weights_only=True))
network.eval()
mean, std = (torch.tensor(x).view(3, 1, 1) for x in ({mean}, {std}))
# logits = network((images - mean) / std), images (B, 3, {size}, {size}) on the scale 0-255
```
"""


def training_page(rows: pd.DataFrame, about: Mapping[str, Any]) -> str:
    """Return the page in Markdown.

    Args:
        rows: the table of `naswot.training.loop.train_network`.
        about: the metadata of the table, see `naswot.stages.train.train_to_folder`.
    """
    last = rows.iloc[-1]
    accuracies = ", ".join(
        f"{name} {last[f'{part}_accuracy']:.2f} %"
        for part, name in (("train", "training"), ("valid", "validation"), ("test", "test"))
        if np.isfinite(last[f"{part}_accuracy"])
    )
    arguments = "".join(f", {key} = {value}" for key, value in about.get("arguments", {}).items())
    moved = "flips and shifts of the images" if about["augment"] else "images as they are"
    software = ", ".join(f"{name} {about[name]}" for name in versions())
    facts = {
        "Network": f"`{about['network']}`{arguments}; {about['params']:,} trainable parameters",
        "Images": f"`{about['images']}`: {about['train_images']:,} for training, "
        f"{about['valid_images']:,} for validation, {about['test_images']:,} for the test; "
        f"{about['image_size']}×{about['image_size']} pixels, {about['classes']} classes",
        "Protocol": f"{about['epochs']} epochs of SGD with batches of {about['batch_size']}, "
        f"learning rate {about['learning_rate']:g} (it falls to 0 along half a cosine), Nesterov "
        f"momentum {about['momentum']:g}, weight decay {about['weight_decay']:g}, {moved}, "
        f"{about['precision']}, seed {about['seed']}",
        "Accuracy": f"{accuracies}, all after the last epoch; the first is the mean over the "
        "steps of that epoch, in train mode",
        "Time": f"{last['seconds']:.1f} s of training, without evaluations; {about['device']}, "
        f"{about['threads']} thread{'s' if about['threads'] > 1 else ''}",
        "Versions": software,
    }
    listed = "".join(f"- **{name}**: {text}.\n" for name, text in facts.items())
    size, classes = about["image_size"], about["classes"]
    moments = {key: [round(value, 4) for value in about[key]] for key in ("mean", "std")}
    parts = [f"# Training of `{about['network']}`\n", listed]
    if about.get("command"):
        parts.append(f"The command:\n\n    {about['command']}\n")
    parts += [
        "## Files\n",
        FILES,
        "## Use the weights\n",
        LOADING.format(size=size, classes=classes, **moments),
    ]
    if about.get("names"):
        named = "; ".join(f"{number} `{name}`" for number, name in enumerate(about["names"]))
        parts.append(f"The classes, by number: {named}.\n")
    return "\n".join(parts)
