"""
Plot the score against the accuracy of every network, as in Fig. 3 of the paper.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet
    results/kendall_tau.csv

OUTPUTS:
    results/figures/scatter/{space}/{dataset}.png and .pdf
"""


rule scatter:
    input:
        joined=lambda wildcards: joined(wildcards.space, wildcards.dataset),
        correlations="results/kendall_tau.csv",
        code=code("scatter"),
    output:
        "results/figures/scatter/{space}/{dataset}.png",
        "results/figures/scatter/{space}/{dataset}.pdf",
    log:
        "logs/scatter/{space}/{dataset}.log",
    benchmark:
        "benchmarks/scatter/{space}/{dataset}.tsv"
    conda:
        "../environment.yml"
    message:
        "Plotting scores of {wildcards.space} against {wildcards.dataset} accuracies"
    script:
        "../scripts/scatter.py"
