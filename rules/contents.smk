"""What a report tells, and where its parts are. No rules."""

TOLD = [Path(file).stem for file in TABLES if file.endswith(".csv")]
TOLD += ["claims", "run", "run_times", "questions"]
# Folder of results → the stage that makes what is in it.
STAGES = {
    "benchmarks": "convert",
    "architectures": "sample",
    "batches": "batch",
    "neighbours": "connect",
    "scores": "score",
    "joined": "join",
    "kernels": "kernel",
    "ablations": "ablate",
    "training": "train",
    "trained": "gather",
}
SHOWN = [file for file in FIGURES if file.endswith(".png")]


def item_of(file):
    """Return the name under which a table or figure stands in the table of contents."""
    return "scatter" if "/scatter/" in file else Path(file).stem


def told(file):
    """Return a file, marked for `snakemake --report` with its caption and chapter."""
    item = ITEMS[item_of(file)]
    title = item.title
    if item.name == "scatter":
        title = f"{title}: {', '.join(Path(file).with_suffix('').parts[-2:])}"
    return report(
        file,
        caption=os.path.abspath(f"results/captions/{item.name}.rst"),
        category=item.category,
        labels={"": title},
    )


def captions(names=(*TOLD, *map(item_of, SHOWN))):
    """Return the captions of tables and figures by their names, of all if none are given."""
    return [f"results/captions/{name}.rst" for name in dict.fromkeys(names)]


def tables_of(names):
    """Return the CSV files of tables by their names."""
    files = {Path(file).stem: file for file in TABLES}
    return [files.get(name, f"results/{name}.csv") for name in names]


def timed():
    """Return where Snakemake writes the times of the jobs that do the work."""
    made = [
        *(KERNELS if "naswot" in SCORES else []),
        *(ablated_at(*ablations.ABLATIONS) if ABLATED in RUNS and "naswot" in SCORES else []),
    ]
    if FIGURE6["space"] in [space for space, _ in RUNS]:
        made += trainings("figure6", FIGURE6["networks"])
    for space, dataset in RUNS:
        images = IMAGES[dataset]
        made += [f"results/benchmarks/{space}", f"results/architectures/{space}/{SEED}"]
        made += [f"results/batches/{images}/{SEED}", f"results/neighbours/{space}"]
        made += [joined(space, dataset, score) for score in SCORES]
        if TABLES_OF[space][0].made:
            made += [f"results/trained/{space}", *trainings(space, SPACES[space].size)]
        for family in {FAMILY_OF[score] for score in SCORES if score in FAMILY_OF}:
            made += [
                f"results/scores/{space}/{images}/{family}/{SEED}/{number:04d}"
                for number, _ in enumerate(shards(space, images, family))
            ]
    paths = [Path(file).relative_to("results").with_suffix("") for file in dict.fromkeys(made)]
    done = [f"{STAGES[path.parts[0]]}/{path.relative_to(path.parts[0])}" for path in paths]
    for file in searches(*configuration.SEARCHED):
        *place, pool, method = Path(file).relative_to("results/search").with_suffix("").parts
        done.append(f"choose/{'/'.join(place)}/{pool}/{method}")
        done.append(f"search/{'/'.join(place)}/{method}")
    done += ["correlate", "compare", "contrast", "anytime", "pair", "table1", "table2", "cut"]
    done += ["similarity", "collate", "decompose", "follow"]
    return [f"benchmarks/{one}.tsv" for one in dict.fromkeys(done)]
