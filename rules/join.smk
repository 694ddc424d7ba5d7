"""
Put scores and accuracies side by side, a row an architecture.

REQUIRED INPUTS:
    results/architectures/{space}/{seed}.parquet
    results/scores/{space}/{images}/{family}/{seed}/{shard}.parquet, every shard
    results/benchmarks/{space}.parquet

OUTPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet
    results/seconds/{space}/{images}/{score}/{seed}.parquet: what scoring took
"""


rule join:
    """Scores and accuracies side by side"""
    input:
        sample="results/architectures/{space}/{seed}.parquet",
        shards=lambda wildcards: [
            f"results/scores/{wildcards.space}/{wildcards.images}/"
            f"{FAMILY_OF[wildcards.score]}/{wildcards.seed}/{shard:04d}.parquet"
            for shard, _ in enumerate(
                shards(wildcards.space, wildcards.images, FAMILY_OF[wildcards.score])
            )
        ],
        benchmark="results/benchmarks/{space}.parquet",
        code=lambda wildcards: code("join", wildcards.space),
    output:
        joined="results/joined/{space}/{images}/{score}/{seed}.parquet",
        seconds="results/seconds/{space}/{images}/{score}/{seed}.parquet",
    log:
        "logs/join/{space}/{images}/{score}/{seed}.log",
    benchmark:
        "benchmarks/join/{space}/{images}/{score}/{seed}.tsv"
    conda:
        "../environment.yml"
    params:
        sample=lambda wildcards: sample_of(config["sample"], wildcards.space),
    message:
        "Joining {wildcards.score} on {wildcards.images} with the accuracies of {wildcards.space}"
    script:
        "../scripts/join.py"
