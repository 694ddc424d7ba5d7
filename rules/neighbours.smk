"""
Find which architectures of a space are one mutation apart, for searches that mutate architectures.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet

OUTPUTS:
    results/neighbours/{space}.parquet, one row per architecture
"""


rule find_neighbours:
    """Neighbours: architectures that are one mutation apart"""
    input:
        benchmark=paths.BENCHMARK,
        code=lambda wildcards: inputs.code("find_neighbours", space=wildcards.space),
    output:
        paths.NEIGHBOURS,
    log:
        paths.log("find_neighbours", paths.NEIGHBOURS),
    benchmark:
        paths.timing("find_neighbours", paths.NEIGHBOURS)
    conda:
        "../environment.yml"
    message:
        "Finding the neighbours of architectures of {wildcards.space}"
    script:
        "../scripts/find_neighbours.py"
