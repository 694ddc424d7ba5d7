"""
Correlate score and accuracy: Kendall tau with an interval, for every accuracy key.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet, for every dataset's images

OUTPUTS:
    results/kendall_tau.csv
"""


rule correlate_scores:
    """Kendall tau of score and accuracy"""
    input:
        joined=plan.every(paths.JOINED),
        published=inputs.ours("resources/published_kendall_tau.csv"),
        code=inputs.code("correlate_scores"),
    output:
        paths.KENDALL_TAU,
    log:
        paths.log("correlate_scores"),
    benchmark:
        paths.timing("correlate_scores")
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _ in plan.scores for _, dataset in plan.runs],
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
        missing=plan.missing,
    message:
        "Correlating scores with accuracies"
    script:
        "../scripts/correlate_scores.py"
