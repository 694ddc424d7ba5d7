"""
Join scores and accuracies in one table, one row per architecture.

REQUIRED INPUTS:
    results/architectures/{space}/{seed}.parquet
    results/scores/{space}/{images}/{family}/{seed}/{shard}.parquet, every shard
    results/benchmarks/{space}.parquet

OUTPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet
    results/seconds/{space}/{images}/{score}/{seed}.parquet: measured seconds of scoring
"""


rule join_accuracies:
    """Scores and accuracies in one table"""
    input:
        sample=paths.ARCHITECTURES,
        shards=lambda wildcards: plan.shards(wildcards.space, wildcards.images, wildcards.score),
        benchmark=paths.BENCHMARK,
        code=lambda wildcards: inputs.code("join_accuracies", space=wildcards.space),
    output:
        joined=paths.JOINED,
        seconds=paths.SECONDS,
    log:
        paths.log("join_accuracies", paths.JOINED),
    benchmark:
        paths.timing("join_accuracies", paths.JOINED)
    conda:
        "../environment.yml"
    params:
        sample=lambda wildcards: sample_of(config["sample"], wildcards.space),
    message:
        "Joining {wildcards.score} on {wildcards.images} with the accuracies of {wildcards.space}"
    script:
        "../scripts/join_accuracies.py"
