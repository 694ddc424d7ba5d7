"""
Choose the architectures of the run, and which of them stand for their isomorphs.

REQUIRED INPUTS:
    none

OUTPUTS:
    results/architectures/{space}/{seed}.parquet
"""


rule sample:
    message:
        "Sampling architectures of {wildcards.space}"
    input:
        code=code("sample"),
    output:
        "results/architectures/{space}/{seed}.parquet",
    params:
        sample=config["sample"],
        deduplicate=config["deduplicate"],
    log:
        "logs/sample/{space}/{seed}.log",
    benchmark:
        "benchmarks/sample/{space}/{seed}.tsv"
    conda:
        "../environment.yml"
    script:
        "../scripts/sample.py"
