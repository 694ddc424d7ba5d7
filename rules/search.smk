"""
Simulate searches, many runs each, among the scored architectures or in the whole space.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet, for the pool "scored"
    results/benchmarks/{space}.parquet, for the pool "whole"

OUTPUTS:
    results/search/{space}/{dataset}/{pool}/{method}.parquet, a row a run
"""


rule search:
    input:
        table=lambda wildcards: pool(wildcards.space, wildcards.dataset, wildcards.pool),
        code=code("search"),
    output:
        "results/search/{space}/{dataset}/{pool}/{method}.parquet",
    log:
        "logs/search/{space}/{dataset}/{pool}/{method}.log",
    benchmark:
        "benchmarks/search/{space}/{dataset}/{pool}/{method}.tsv"
    conda:
        "../environment.yml"
    params:
        sample_sizes=lambda wildcards: sample_sizes(wildcards.method),
        runs=config["n_runs"],
        seed=SEED,
    message:
        "Searching {wildcards.space} for {wildcards.dataset} with {wildcards.method}, pool {wildcards.pool}"
    script:
        "../scripts/search.py"
