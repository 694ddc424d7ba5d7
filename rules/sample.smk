"""
Draw the architectures of a space in a random order, and say which stand for their isomorphs.

A run looks at the first of them, as many as `sample` says.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet, where only the benchmark lists the architectures

OUTPUTS:
    results/architectures/{space}/{seed}.parquet
"""


rule sample:
    """Architectures in a random order"""
    input:
        benchmark=lambda wildcards: listing(wildcards.space),
        code=lambda wildcards: code("sample", wildcards.space),
    output:
        "results/architectures/{space}/{seed}.parquet",
    log:
        "logs/sample/{space}/{seed}.log",
    benchmark:
        "benchmarks/sample/{space}/{seed}.tsv"
    conda:
        "../environment.yml"
    params:
        deduplicate=config["deduplicate"],
        own=lambda wildcards: own_architectures(wildcards.space),
    message:
        "Drawing the architectures of {wildcards.space}"
    script:
        "../scripts/sample.py"
