"""
Tell it all to a reader without the code: captions, tables to look at, a page, a report.

REQUIRED INPUTS:
    report/{name}.rst, the templates of captions
    tables and figures of this configuration

OUTPUTS:
    results/claims.csv, results/run.csv, results/run_times.csv
    results/captions/{name}.rst: a caption an item
    results/tables/{name}.html: a table an item, sortable
    results/index.html
"""

TOLD = [Path(file).stem for file in TABLES if file.endswith(".csv")]
TOLD += ["claims", "run", "run_times"]
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
        *KERNELS,
        *(ablated_at(*ablations.ABLATIONS) if ABLATED in RUNS else []),
        *trainings("figure6", FIGURE6["networks"]),
    ]
    for space, dataset in RUNS:
        images = IMAGES[dataset]
        made += [f"results/benchmarks/{space}", f"results/architectures/{space}/{SEED}"]
        made += [f"results/batches/{images}/{SEED}", f"results/neighbours/{space}"]
        made += [joined(space, dataset, score) for score in SCORES]
        for family in {FAMILY_OF[score] for score in SCORES if score in FAMILY_OF}:
            made += [
                f"results/scores/{space}/{images}/{family}/{SEED}/{number:04d}"
                for number, _ in enumerate(shards(space, images, family))
            ]
    paths = [Path(file).relative_to("results").with_suffix("") for file in dict.fromkeys(made)]
    done = [f"{STAGES[path.parts[0]]}/{path.relative_to(path.parts[0])}" for path in paths]
    for file in searches(*configuration.SEARCHED):
        job = Path(file).relative_to("results/search").with_suffix("")
        done += [f"choose/{job}", f"search/{job}"]
    done += ["correlate", "compare", "contrast", "anytime", "pair", "table1", "table2", "cut"]
    done += ["similarity", "collate", "decompose", "follow"]
    return [f"benchmarks/{one}.tsv" for one in done]


rule judge:
    """What the paper says of its figures, and whether it was found"""
    input:
        claims=CLAIMS,
        code=code("judge"),
    output:
        "results/claims.csv",
    log:
        "logs/judge.log",
    benchmark:
        "benchmarks/judge.tsv"
    conda:
        "../environment.yml"
    message:
        "Gathering claims"
    script:
        "../scripts/judge.py"


rule record:
    """What was run, with which settings and versions, and what is missing"""
    input:
        joined=[joined(*run, score) for score in SCORES for run in RUNS],
        searches=searches(*configuration.SEARCHED),
        defaults=str(ROOT / "config/config.yaml"),
        code=code("record"),
    output:
        "results/run.csv",
    log:
        "logs/record.log",
    benchmark:
        "benchmarks/record.tsv"
    conda:
        "../environment.yml"
    params:
        missing=MISSING,
        config={key: config[key] for key in sorted(config)},
    message:
        "Recording what was run"
    script:
        "../scripts/record.py"


rule clock:
    """How long each stage took"""
    input:
        TABLES,
        FIGURES,
        code=code("clock"),
    output:
        "results/run_times.csv",
    log:
        "logs/clock.log",
    benchmark:
        "benchmarks/clock.tsv"
    conda:
        "../environment.yml"
    params:
        benchmarks=timed(),
        stages=lambda wildcards: {
            one.name: one.docstring for one in workflow.rules if one.docstring
        },
    message:
        "Summing up how long it took"
    script:
        "../scripts/clock.py"


rule caption:
    """Captions of this run's tables and figures"""
    input:
        templates=[str(ROOT / "report" / Path(file).name) for file in captions()],
        claims="results/claims.csv",
        code=code("caption"),
    output:
        captions(),
    log:
        "logs/caption.log",
    benchmark:
        "benchmarks/caption.tsv"
    conda:
        "../environment.yml"
    params:
        config={key: config[key] for key in sorted(config)},
    message:
        "Writing captions"
    script:
        "../scripts/caption.py"


rule show:
    """Tables to look at"""
    input:
        tables=tables_of(TOLD),
        captions=captions(TOLD),
        templates=templates(),
        code=code("show"),
    output:
        [told(f"results/tables/{name}.html") for name in TOLD],
    log:
        "logs/show.log",
    benchmark:
        "benchmarks/show.tsv"
    conda:
        "../environment.yml"
    message:
        "Making tables to look at"
    script:
        "../scripts/show.py"


rule index:
    """One page with everything: results/index.html"""
    input:
        tables=tables_of(TOLD),
        figures=[told(file) for file in SHOWN],
        captions=captions(),
        joined=[joined(*run) for run in RUNS],
        templates=templates(),
        code=code("index"),
    output:
        "results/index.html",
    log:
        "logs/index.log",
    benchmark:
        "benchmarks/index.tsv"
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _, dataset in RUNS],
        seed=SEED,
    message:
        "Writing results/index.html"
    script:
        "../scripts/index.py"
