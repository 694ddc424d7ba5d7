"""
Score untrained networks, a shard of architectures and a family of scores a job.

REQUIRED INPUTS:
    results/architectures/{space}/{seed}.parquet
    results/batches/{images}/{seed}.npz

OUTPUTS:
    results/scores/{space}/{images}/{family}/{seed}/{shard}.parquet
"""


rule score:
    """Scores of untrained networks, one shard"""
    input:
        sample="results/architectures/{space}/{seed}.parquet",
        batch="results/batches/{images}/{seed}.npz",
        code=lambda wildcards: code("score", wildcards.space, wildcards.family),
    output:
        "results/scores/{space}/{images}/{family}/{seed}/{shard}.parquet",
    log:
        "logs/score/{space}/{images}/{family}/{seed}/{shard}.log",
    benchmark:
        "benchmarks/score/{space}/{images}/{family}/{seed}/{shard}.tsv"
    conda:
        "../environment.yml"
    threads: score_threads
    resources:
        mem_mb=doubling(2048),
        runtime=doubling(60),
        gpu=GPUS,
    params:
        first=lambda wildcards: shard(wildcards)[0],
        last=lambda wildcards: shard(wildcards)[1],
        precision=lambda wildcards: option("precision", wildcards.family),
        relu_count=lambda wildcards: option("relu_count", wildcards.family),
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Scoring {wildcards.space} on {wildcards.images}: {wildcards.family}, shard {wildcards.shard}"
    script:
        "../scripts/score.py"
