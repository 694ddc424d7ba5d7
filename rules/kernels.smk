"""
Compute the kernels of untrained networks in bands of their trained accuracy: Figure 1 of the paper.

REQUIRED INPUTS:
    results/joined/{space}/{images}/naswot/{seed}.parquet
    results/architectures/{space}/{seed}.parquet
    results/batches/{images}/{seed}.npz

OUTPUTS:
    results/kernels/{space}/{dataset}/{seed}.npz
    results/kernel_similarity.csv, results/claims/figure1.csv
"""


rule compute_kernels:
    """Kernels of networks sampled in bands of accuracy, for one space and dataset"""
    input:
        joined=lambda wildcards: plan.joined(wildcards.space, wildcards.dataset, "naswot"),
        sample=paths.ARCHITECTURES,
        batch=lambda wildcards: paths.partly(paths.BATCH, images=plan.images[wildcards.dataset]),
        code=lambda wildcards: inputs.code("compute_kernels", space=wildcards.space),
    output:
        paths.KERNELS,
    log:
        paths.log("compute_kernels", paths.KERNELS),
    benchmark:
        paths.timing("compute_kernels", paths.KERNELS)
    conda:
        "../environment.yml"
    threads: cores_per_job(workflow)
    resources:
        mem_mb=doubling(2048),
        runtime=doubling(60),
        gpu=plan.gpus,
    params:
        bands=config["kernels"]["bands"],
        networks=config["kernels"]["networks"],
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Computing kernels of {wildcards.space}, in bands of {wildcards.dataset} accuracy"
    script:
        "../scripts/compute_kernels.py"


rule measure_similarity:
    """Similarity of different images in the kernels, by band of accuracy; the claims of Figure 1"""
    input:
        kernels=plan.kernels,
        code=inputs.code("measure_similarity"),
    output:
        table=paths.KERNEL_SIMILARITY,
        claims=paths.CLAIMS_OF.format(figure="figure1"),
    log:
        paths.log("measure_similarity"),
    benchmark:
        paths.timing("measure_similarity")
    conda:
        "../environment.yml"
    params:
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
        titles=plan.titles(),
    message:
        "Measuring how similar different images are in the kernels"
    script:
        "../scripts/measure_similarity.py"
