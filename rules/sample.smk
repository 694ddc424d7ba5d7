"""
Draw the architectures of a space in a random order, and say which stand for their isomorphs.

A run looks at the first of them, as many as `sample` says.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet, where only the benchmark lists the architectures

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
