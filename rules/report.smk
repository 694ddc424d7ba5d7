"""
Present a run to readers who do not know the code: captions, tables, one page, a report.

REQUIRED INPUTS:
    report/{name}.rst, the templates of captions
    tables and figures of this configuration

OUTPUTS:
    results/claims.csv, results/run.csv, results/run_times.csv, results/questions.csv
    results/headline.rst: the paper's main numbers and ours, the start of both pages
    results/captions/{name}.rst: one caption per item
    results/tables/{name}.html: one sortable table per page
    results/index.html

The page and caption of the leaderboard have a rule of their own: they need no claims, so that
`snakemake leaderboard` draws and trains nothing else.
"""


rule collect_claims:
    """The paper's claims about its figures, and whether our results support them"""
    input:
        claims=plan.claims,
        code=inputs.code("collect_claims"),
    output:
        paths.CLAIMS,
    log:
        paths.log("collect_claims"),
    benchmark:
        paths.timing("collect_claims")
    conda:
        "../environment.yml"
    message:
        "Collecting claims"
    script:
        "../scripts/collect_claims.py"


rule record_run:
    """Record of the run: settings, versions, and what is missing"""
    input:
        joined=plan.every(paths.JOINED),
        seconds=plan.every(paths.SECONDS),
        searches=plan.searches(*SEARCHED),
        defaults=inputs.ours("config/config.yaml"),
        code=inputs.code("record_run"),
    output:
        paths.RUN,
    log:
        paths.log("record_run"),
    benchmark:
        paths.timing("record_run")
    conda:
        "../environment.yml"
    params:
        missing=plan.missing,
        omitted=plan.omitted,
        config={key: config[key] for key in sorted(config)},
    message:
        "Recording what was run"
    script:
        "../scripts/record_run.py"


rule sum_run_times:
    """Run time of each stage"""
    input:
        plan.tables,
        plan.figures,
        code=inputs.code("sum_run_times"),
    output:
        paths.RUN_TIMES,
    log:
        paths.log("sum_run_times"),
    benchmark:
        paths.timing("sum_run_times")
    conda:
        "../environment.yml"
    params:
        timings=[placed(file) for file in plan.timings()],
        stages=lambda wildcards: {
            stage: rule.docstring
            for rule in workflow.rules
            if (stage := paths.timed(str(rule.benchmark)))
        },
    message:
        "Summing up run times"
    script:
        "../scripts/sum_run_times.py"


rule summarise_run:
    """Main numbers of a run, and answers to a newcomer's questions"""
    input:
        tables=plan.csv_of(
            "run",
            "run_times",
            *(["paper_comparison"] if plan.is_published else []),
            "claims",
            "kendall_tau",
        ),
        code=inputs.code("summarise_run"),
    output:
        paths.QUESTIONS,
        paths.HEADLINE,
    log:
        paths.log("summarise_run"),
    benchmark:
        paths.timing("summarise_run")
    conda:
        "../environment.yml"
    message:
        "Summarising the run"
    script:
        "../scripts/summarise_run.py"


rule write_captions:
    """Captions of this run's tables and figures"""
    input:
        templates=inputs.caption_templates(plan.captions(*plan.captioned)),
        claims=paths.CLAIMS,
        code=inputs.code("write_captions"),
    output:
        plan.captions(*plan.captioned),
    log:
        paths.log("write_captions"),
    benchmark:
        paths.timing("write_captions")
    conda:
        "../environment.yml"
    params:
        config={key: config[key] for key in sorted(config)},
    message:
        "Writing captions"
    script:
        "../scripts/write_captions.py"


rule render_tables:
    """Tables as sortable pages"""
    input:
        tables=plan.csv_of(*plan.rendered),
        captions=plan.captions(*plan.rendered),
        templates=inputs.templates(),
        code=inputs.code("render_tables"),
    output:
        [in_report(paths.TABLE_PAGE.format(table=name), placed) for name in plan.rendered],
    log:
        paths.log("render_tables"),
    benchmark:
        paths.timing("render_tables")
    conda:
        "../environment.yml"
    message:
        "Rendering tables"
    script:
        "../scripts/render_tables.py"


rule render_leaderboard:
    """The leaderboard as a sortable page"""
    input:
        table=paths.LEADERBOARD,
        template=inputs.ours("report/leaderboard.rst"),
        templates=inputs.templates(),
        code=inputs.code("render_leaderboard"),
    output:
        page=in_report(paths.TABLE_PAGE.format(table="leaderboard"), placed),
        caption=paths.CAPTION.format(item="leaderboard"),
    log:
        paths.log("render_leaderboard"),
    benchmark:
        paths.timing("render_leaderboard")
    conda:
        "../environment.yml"
    params:
        config={key: config[key] for key in sorted(config)},
    message:
        "Rendering the leaderboard"
    script:
        "../scripts/render_leaderboard.py"


rule write_index:
    """One page with everything: results/index.html"""
    input:
        headline=paths.HEADLINE,
        tables=plan.csv_of(),
        figures=[in_report(file, placed) for file in plan.pictures],
        captions=plan.captions(),
        joined=[plan.joined(*run) for run in plan.runs],
        templates=inputs.templates(),
        code=inputs.code("write_index"),
    output:
        paths.INDEX,
    log:
        paths.log("write_index"),
    benchmark:
        paths.timing("write_index")
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _, dataset in plan.runs],
        seed=plan.seed,
    message:
        f"Writing {paths.INDEX}"
    script:
        "../scripts/write_index.py"
