"""
Correlate score and accuracy: Kendall tau with an interval, for every accuracy key.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet, for every dataset's images

OUTPUTS:
    results/kendall_tau.csv
"""


rule correlate:
    """Kendall tau of score and accuracy"""
    input:
        joined=[joined(*run, score) for score in SCORES for run in RUNS],
        published=ours("resources/published_kendall_tau.csv"),
        code=code("correlate"),
    output:
        "results/kendall_tau.csv",
    log:
        "logs/correlate.log",
    benchmark:
        "benchmarks/correlate.tsv"
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _ in SCORES for _, dataset in RUNS],
        resamples=config["bootstrap_resamples"],
        seed=SEED,
        missing=MISSING,
    message:
        "Correlating scores with accuracies"
    script:
        "../scripts/correlate.py"
