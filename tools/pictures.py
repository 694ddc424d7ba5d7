"""Renew pictures of README and docs from the results of a run, as small files.

python tools/pictures.py DIR PICTURE [PICTURE ...]
"""

import argparse
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
COLOURS = 64
WIDTH = 1380  # pixels, at most
# Picture → the figure, below the folder of a run.
FIGURES = {
    "score_and_accuracy": "results/figures/figure3.png",  # --config sample=1000
    "leaderboard": "results/figures/leaderboard.png",  # make leaderboard, in its folder
    "weight_sharing": "results/figures/weight_sharing.png",  # snakemake weight_sharing
    "search_study": "results/figures/search_study.png",  # snakemake search_study
    "search_study_trained": "results/figures/search_study_trained.png",
    "figure6_cifar10": "results/figures/figure6.png",  # config/figure6_cifar10.yaml
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the run has its results")
    parser.add_argument(
        "pictures", nargs="+", choices=FIGURES, metavar="PICTURE", help=", ".join(FIGURES)
    )
    arguments = parser.parse_args()
    for name in arguments.pictures:
        source, target = arguments.folder / FIGURES[name], ROOT / f"docs/pictures/{name}.png"
        with Image.open(source) as image:
            image.thumbnail((WIDTH, 10 * WIDTH))
            image.convert("RGB").quantize(COLOURS).save(target, optimize=True)
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB from {source}")


if __name__ == "__main__":
    main()
