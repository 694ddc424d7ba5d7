"""Renew the pictures of README and docs from the results of runs, as small files.

    python tools/pictures.py          from results/, leaderboard/results/ and so on, here
    python tools/pictures.py DIR      from the results of a run in another folder

A picture whose figure is not there stays as it is.
"""

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
COLOURS = 64
WIDTH = 1380  # pixels, at most
# Picture → the figure, below the folder of a run.
FIGURES = {
    "score_and_accuracy": "results/figures/figure3.png",  # snakemake
    "leaderboard": "leaderboard/results/figures/leaderboard.png",  # make leaderboard
    "search_study": "results/figures/search_study.png",  # snakemake search_study
    "search_study_trained": "results/figures/search_study_trained.png",
    "figure6_cifar10": "results/figures/figure6.png",  # config/figure6_cifar10.yaml
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    for name, figure in FIGURES.items():
        source, target = folder / figure, ROOT / f"docs/pictures/{name}.png"
        if not source.exists():
            print(f"{target.name}: {source} is not there")
            continue
        with Image.open(source) as image:
            image.thumbnail((WIDTH, 10 * WIDTH))
            image.convert("RGB").quantize(COLOURS).save(target, optimize=True)
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB from {source}")


if __name__ == "__main__":
    main()
