"""Write what the installed torchvision publishes about its classifiers, as naswot keeps it.

python tools/zoo_table.py            # shows the rows that differ from the file
python tools/zoo_table.py --write    # writes naswot/spaces/zoo/networks.csv
"""

import argparse
import csv
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from naswot.io.user_code import import_package
from naswot.spaces.zoo.published import FILE

COLUMNS = ("network", "params", "gmacs", "side", "v1", "recipe", "v2")
# What the documentation of weights says → how they were trained; the first that fits.
RECIPES = {
    "new training recipe": "new",
    "simple training recipe": "simple",
    "simplified training recipe": "simple",
    "ported from": "ported",
    "results of the paper": "paper",
    "DeIT": "paper",
}


def table() -> str:
    """Return the table as CSV."""
    models = import_package("torchvision.models")
    lines = io.StringIO()
    writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row(name, models) for name in sorted(models.list_models(module=models)))
    return lines.getvalue()


def row(name: str, models) -> dict:
    """Return the row of a network."""
    weights = {each.name: each for each in models.get_model_weights(name)}
    v1, v2 = weights.get("IMAGENET1K_V1"), weights.get("IMAGENET1K_V2")
    # Some were published only with more images than ImageNet's; the trunk was not trained on it.
    about = v1 or weights["IMAGENET1K_SWAG_LINEAR_V1"]
    return {
        "network": name,
        "params": about.meta["num_params"],
        "gmacs": about.meta["_ops"],
        "side": about.transforms.keywords["crop_size"],
        "v1": top1(v1),
        "recipe": recipe(v1) if v1 else None,
        "v2": top1(v2),
    }


def top1(weights) -> float | None:
    return weights and weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]


def recipe(weights) -> str:
    text = " ".join(weights.meta["_docs"].split())
    return next(name for words, name in RECIPES.items() if words in text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the file")
    found = table()
    if parser.parse_args().write:
        FILE.write_text(found, encoding="utf-8")
        return
    kept = FILE.read_text(encoding="utf-8").splitlines()
    now = found.splitlines()
    for sign, lines, others in (("-", kept, now), ("+", now, kept)):
        print("".join(f"{sign} {line}\n" for line in lines if line not in others), end="")


if __name__ == "__main__":
    main()
