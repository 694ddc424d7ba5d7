"""
Choose the architectures of the run, and which of them stand for their isomorphs.

REQUIRED INPUTS:
    none

OUTPUTS:
    results/architectures/{space}/{seed}.parquet
"""


rule sample:
    input:
        code=code("sample"),
    output:
        "results/architectures/{space}/{seed}.parquet",
    log:
        "logs/sample/{space}/{seed}.log",
    benchmark:
        "benchmarks/sample/{space}/{seed}.tsv"
    conda:
        "../environment.yml"
    params:
        sample=config["sample"],
        deduplicate=config["deduplicate"],
    message:
        "Sampling architectures of {wildcards.space}"
    script:
        "../scripts/sample.py"
