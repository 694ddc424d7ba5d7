"""
Look at the kernels of untrained networks in bands of their trained accuracy: Fig. 1 of the paper.

REQUIRED INPUTS:
    results/joined/{space}/{images}/naswot/{seed}.parquet
    results/architectures/{space}/{seed}.parquet
    results/batches/{images}/{seed}.npz

OUTPUTS:
    results/kernels/{space}/{dataset}/{seed}.npz
    results/kernel_similarity.csv, results/claims/figure1.csv
    results/figures/figure1.png and .pdf
"""


rule kernel:
    """Kernels of networks drawn in bands of accuracy, one space and dataset"""
    input:
        joined=lambda wildcards: joined(wildcards.space, wildcards.dataset, "naswot"),
        sample="results/architectures/{space}/{seed}.parquet",
        batch=lambda wildcards: f"results/batches/{IMAGES[wildcards.dataset]}/{wildcards.seed}.npz",
        code=lambda wildcards: code("kernel", wildcards.space),
    output:
        "results/kernels/{space}/{dataset}/{seed}.npz",
    log:
        "logs/kernel/{space}/{dataset}/{seed}.log",
    benchmark:
        "benchmarks/kernel/{space}/{dataset}/{seed}.tsv"
    conda:
        "../environment.yml"
    threads: score_threads
    resources:
        mem_mb=doubling(2048),
        runtime=doubling(60),
        gpu=GPUS,
    params:
        bands=config["kernels"]["bands"],
        networks=config["kernels"]["networks"],
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Computing kernels of {wildcards.space}, in bands of {wildcards.dataset} accuracy"
    script:
        "../scripts/kernel.py"


rule similarity:
    """How similar networks find different images, by band of accuracy; the claims of Figure 1"""
    input:
        kernels=KERNELS,
        code=code("similarity"),
    output:
        table="results/kernel_similarity.csv",
        claims="results/claims/figure1.csv",
    log:
        "logs/similarity.log",
    benchmark:
        "benchmarks/similarity.tsv"
    conda:
        "../environment.yml"
    params:
        resamples=config["bootstrap_resamples"],
        seed=SEED,
        titles=[SPACES[space].title for space in config["spaces"]],
    message:
        "Measuring how similar networks find different images"
    script:
        "../scripts/similarity.py"


rule figure1:
    """Figure 1: kernels in bands of accuracy"""
    input:
        kernels=KERNELS,
        table="results/kernel_similarity.csv",
        code=code("figure1"),
    output:
        "results/figures/figure1.png",
        "results/figures/figure1.pdf",
    log:
        "logs/figure1.log",
    benchmark:
        "benchmarks/figure1.tsv"
    conda:
        "../environment.yml"
    params:
        shown=config["kernels"]["shown"],
        titles=[SPACES[space].title for space in config["spaces"]],
    message:
        "Drawing Figure 1"
    script:
        "../scripts/figure1.py"
