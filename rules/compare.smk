"""
Compare scores with each other, and let several vote.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet, for every score and dataset's images
    results/seconds/{space}/{images}/{score}/{seed}.parquet, the same
    results/kendall_tau.csv

OUTPUTS:
    results/joined/{space}/{images}/vote/{seed}.parquet
    results/seconds/{space}/{images}/vote/{seed}.parquet
    results/score_comparison.csv, results/score_agreement.csv
"""


rule vote:
    """The majority of several scores"""
    input:
        joined=lambda wildcards: voters("joined", wildcards),
        seconds=lambda wildcards: voters("seconds", wildcards),
        code=code("vote"),
    output:
        joined="results/joined/{space}/{images}/vote/{seed}.parquet",
        seconds="results/seconds/{space}/{images}/vote/{seed}.parquet",
    log:
        "logs/vote/{space}/{images}/{seed}.log",
    benchmark:
        "benchmarks/vote/{space}/{images}/{seed}.tsv"
    conda:
        "../environment.yml"
    message:
        "Voting on {wildcards.space}, {wildcards.images}"
    script:
        "../scripts/vote.py"


rule compare:
    """Scores compared with each other"""
    input:
        joined=[joined(*run, score) for score in SCORES for run in RUNS],
        seconds=[seconds(*run, score) for score in SCORES for run in RUNS],
        correlations="results/kendall_tau.csv",
        code=code("compare"),
    output:
        comparison="results/score_comparison.csv",
        agreement="results/score_agreement.csv",
    log:
        "logs/compare.log",
    benchmark:
        "benchmarks/compare.tsv"
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _ in SCORES for _, dataset in RUNS],
    message:
        "Comparing scores"
    script:
        "../scripts/compare.py"
