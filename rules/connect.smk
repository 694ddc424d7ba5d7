"""
Find which architectures of a space are one mutation apart, for searches that move among them.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet

OUTPUTS:
    results/neighbours/{space}.parquet, a row an architecture
"""


rule connect:
    """Which architectures are one mutation apart"""
    input:
        benchmark="results/benchmarks/{space}.parquet",
        code=lambda wildcards: code("connect", wildcards.space),
    output:
        "results/neighbours/{space}.parquet",
    log:
        "logs/connect/{space}.log",
    benchmark:
        "benchmarks/connect/{space}.tsv"
    conda:
        "../environment.yml"
    message:
        "Connecting the architectures of {wildcards.space}"
    script:
        "../scripts/connect.py"
