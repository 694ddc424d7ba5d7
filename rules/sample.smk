"""
Put the architectures of a space in random order, and mark the representative of each isomorph.

A run uses the first ones; `sample` sets how many.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet, if only the benchmark lists the architectures

OUTPUTS:
    results/architectures/{space}/{seed}.parquet
"""


rule sample_architectures:
    """Architectures in a random order"""
    input:
        benchmark=lambda wildcards: inputs.listing(wildcards.space),
        code=lambda wildcards: inputs.code("sample_architectures", space=wildcards.space),
    output:
        paths.ARCHITECTURES,
    log:
        paths.log("sample_architectures", paths.ARCHITECTURES),
    benchmark:
        paths.timing("sample_architectures", paths.ARCHITECTURES)
    conda:
        "../environment.yml"
    params:
        deduplicate=config["deduplicate"],
        custom=lambda wildcards: inputs.custom_architectures(wildcards.space),
    message:
        "Drawing the architectures of {wildcards.space}"
    script:
        "../scripts/sample_architectures.py"
