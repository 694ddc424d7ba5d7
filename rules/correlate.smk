"""
Correlate score and accuracy: Kendall tau with an interval, for every accuracy key.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet, for every dataset's images

OUTPUTS:
    results/kendall_tau.csv
"""


rule correlate:
    input:
        joined=[joined(dataset) for dataset in config["datasets"]],
        published="resources/published_kendall_tau.csv",
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
        datasets=config["datasets"],
        resamples=config["bootstrap_resamples"],
        seed=SEED,
    message:
        "Correlating scores with accuracies"
    script:
        "../scripts/correlate.py"
