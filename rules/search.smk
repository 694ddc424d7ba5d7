"""
Simulate searches on the joined table, many runs each.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet

OUTPUTS:
    results/search/{space}/{dataset}/{method}.parquet, a row a run
"""


rule search:
    input:
        joined=lambda wildcards: joined(wildcards.space, wildcards.dataset),
        code=code("search"),
    output:
        "results/search/{space}/{dataset}/{method}.parquet",
    log:
        "logs/search/{space}/{dataset}/{method}.log",
    benchmark:
        "benchmarks/search/{space}/{dataset}/{method}.tsv"
    conda:
        "../environment.yml"
    params:
        sample_sizes=lambda wildcards: sample_sizes(wildcards.method),
        runs=config["n_runs"],
        seed=SEED,
    message:
        "Searching {wildcards.space} for {wildcards.dataset} with {wildcards.method}"
    script:
        "../scripts/search.py"
