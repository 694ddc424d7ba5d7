"""
Tell it all to a reader without the code: captions, tables to look at, a page, a report.

REQUIRED INPUTS:
    report/{name}.rst, the templates of captions
    tables and figures of this configuration

OUTPUTS:
    results/claims.csv, results/run.csv, results/run_times.csv, results/questions.csv
    results/captions/{name}.rst: a caption an item
    results/tables/{name}.html: a table an item, sortable
    results/index.html
"""


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
        seconds=[seconds(*run, score) for score in SCORES for run in RUNS],
        searches=searches(*configuration.SEARCHED),
        defaults=ours("config/config.yaml"),
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
        unmade=UNMADE,
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


rule answer:
    """What a newcomer asks of a run"""
    input:
        tables=tables_of(
            name
            for name in ("run", "run_times", "paper_comparison", "claims", "kendall_tau")
            if name in TOLD
        ),
        code=code("answer"),
    output:
        "results/questions.csv",
    log:
        "logs/answer.log",
    benchmark:
        "benchmarks/answer.tsv"
    conda:
        "../environment.yml"
    message:
        "Answering what a newcomer asks"
    script:
        "../scripts/answer.py"


rule caption:
    """Captions of this run's tables and figures"""
    input:
        templates=[ours(f"report/{Path(file).name}") for file in captions()],
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
