"""
Choose the architectures of the run, and which of them stand for their isomorphs.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet, where only the benchmark lists the architectures

OUTPUTS:
    results/architectures/{space}/{seed}.parquet
"""


rule sample:
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
        sample=lambda wildcards: configuration.sample_of(config, wildcards.space),
        deduplicate=config["deduplicate"],
    message:
        "Sampling architectures of {wildcards.space}"
    script:
        "../scripts/sample.py"
