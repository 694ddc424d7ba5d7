"""
Simulate searches on the joined table, many runs each.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet

OUTPUTS:
    results/search/{space}/{dataset}/{method}.parquet, a row a run
"""


rule search:
    message:
        "Searching {wildcards.space} for {wildcards.dataset} with {wildcards.method}"
    input:
        joined=lambda wildcards: joined(wildcards.dataset),
        code=code("search"),
    output:
        "results/search/{space}/{dataset}/{method}.parquet",
    params:
        sample_sizes=lambda wildcards: sample_sizes(wildcards.method),
        runs=config["n_runs"],
        seed=SEED,
    log:
        "logs/search/{space}/{dataset}/{method}.log",
    benchmark:
        "benchmarks/search/{space}/{dataset}/{method}.tsv"
    conda:
        "../environment.yml"
    script:
        "../scripts/search.py"
