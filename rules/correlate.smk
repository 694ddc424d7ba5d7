"""
Correlate score and accuracy: Kendall tau with an interval, for every accuracy key.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet, for every dataset's images

OUTPUTS:
    results/kendall_tau.csv
"""


rule correlate:
    message:
        "Correlating scores with accuracies"
    input:
        joined=[joined(dataset) for dataset in config["datasets"]],
        published="resources/published_kendall_tau.csv",
        code=code("correlate"),
    output:
        "results/kendall_tau.csv",
    params:
        datasets=config["datasets"],
        images=[IMAGES[dataset] for dataset in config["datasets"]],
        space=SPACE,
        score=SCORE,
        resamples=config["bootstrap_resamples"],
        seed=SEED,
    log:
        "logs/correlate.log",
    benchmark:
        "benchmarks/correlate.tsv"
    conda:
        "../environment.yml"
    script:
        "../scripts/correlate.py"
