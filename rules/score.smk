"""
Score untrained networks, one shard of architectures and one family of scores per job.

REQUIRED INPUTS:
    results/architectures/{space}/{seed}.parquet
    results/batches/{images}/{seed}.npz

OUTPUTS:
    results/scores/{space}/{images}/{family}/{seed}/{shard}.parquet
"""


rule score_networks:
    """Scores of untrained networks, one shard per job"""
    input:
        sample=paths.ARCHITECTURES,
        batch=paths.BATCH,
        code=lambda wildcards: inputs.code(
            "score_networks", space=wildcards.space, family=wildcards.family
        ),
    output:
        paths.SHARD,
    log:
        paths.log("score_networks", paths.SHARD),
    benchmark:
        paths.timing("score_networks", paths.SHARD)
    conda:
        "../environment.yml"
    threads: cores_per_job(workflow)
    resources:
        mem_mb=doubling(2048),
        runtime=doubling(60),
        gpu=plan.gpus,
    params:
        bounds=lambda wildcards: plan.bounds(wildcards.space, wildcards.images, wildcards.family)[
            int(wildcards.shard)
        ],
        precision=lambda wildcards: plan.option("precision", wildcards.family),
        relu_count=lambda wildcards: plan.option("relu_count", wildcards.family),
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Scoring {wildcards.space} on {wildcards.images}: {wildcards.family}, shard {wildcards.shard}"
    script:
        "../scripts/score_networks.py"
