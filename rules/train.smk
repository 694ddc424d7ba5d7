"""
Train networks: for benchmarks of one's own, and to see how the score evolves (Figure 6).

A job trains one network; one that was stopped goes on after its last whole epoch.

REQUIRED INPUTS:
    nothing for digits; files in the mirror or the folder of images for the others
    results/benchmarks/{space}.parquet, for Figure 6
    results/batches/{images}/{seed}.npz, to score on

OUTPUTS:
    results/labelled/{images}/{seed}.npz: the images, divided
    results/training/{networks}/{images}/{seed}/{number}.parquet: what a network was at each look
    results/trained/{space}.parquet: what the networks of a space of one's own scored
    results/training/figure6.parquet, results/claims/figure6.csv, results/figures/figure6.png and .pdf
"""


rule divide:
    """Labelled images, divided into those to train on, to validate and to test"""
    input:
        files=lambda wildcards: image_files(wildcards.images),
        code=code("divide"),
    output:
        "results/labelled/{images}/{seed}.npz",
    log:
        "logs/divide/{images}/{seed}.log",
    benchmark:
        "benchmarks/divide/{images}/{seed}.tsv"
    conda:
        "../environment.yml"
    params:
        image_size=lambda wildcards: configuration.image_size(config, wildcards.images),
        train_images=TRAINING["train_images"],
        valid_images=TRAINING["valid_images"],
        content=lambda wildcards: image_content(wildcards.images, every=True),
        directory=lambda wildcards: configuration.image_directory(config, wildcards.images),
    message:
        "Dividing the images of {wildcards.images}"
    script:
        "../scripts/divide.py"


rule pick:
    """Networks above an accuracy in random order, for Figure 6"""
    input:
        benchmark=f"results/benchmarks/{FIGURE6['space']}.parquet",
        code=code("pick"),
    output:
        "results/training/figure6/networks.parquet",
    log:
        "logs/pick.log",
    benchmark:
        "benchmarks/pick.tsv"
    conda:
        "../environment.yml"
    params:
        accuracy=FIGURE6["accuracy"],
        above=FIGURE6["above"],
        seed=SEED,
    message:
        "Picking networks above {params.above} %"
    script:
        "../scripts/pick.py"


rule train:
    """Training of one network"""
    input:
        picked=lambda wildcards: picked(wildcards.networks),
        images="results/labelled/{images}/{seed}.npz",
        batch="results/batches/{images}/{seed}.npz",
        code=lambda wildcards: code("train", space_of(wildcards.networks)),
    output:
        "results/training/{networks}/{images}/{seed}/{number}.parquet",
    log:
        "logs/train/{networks}/{images}/{seed}/{number}.log",
    benchmark:
        "benchmarks/train/{networks}/{images}/{seed}/{number}.tsv"
    wildcard_constraints:
        networks="|".join(["figure6", *(name for name in SPACES if SPACES[name].own)]),
        number=r"\d+",
    conda:
        "../environment.yml"
    threads: score_threads
    resources:
        mem_mb=doubling(4096),
        runtime=doubling(480),
        gpu=GPUS,
    params:
        space=lambda wildcards: space_of(wildcards.networks),
        arch=lambda wildcards: arch_of(wildcards.networks, wildcards.number),
        protocol=configuration.protocol(config),
        precision=config["precision"],
        relu_count=config["relu_count"],
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Training network {wildcards.number} of {wildcards.networks} on {wildcards.images}"
    script:
        "../scripts/train.py"


rule gather:
    """What trained networks scored, as a table"""
    input:
        trainings=lambda wildcards: trainings(wildcards.space, SPACES[wildcards.space].size),
        code=lambda wildcards: code("gather", wildcards.space),
    output:
        "results/trained/{space}.parquet",
    log:
        "logs/gather/{space}.log",
    benchmark:
        "benchmarks/gather/{space}.tsv"
    conda:
        "../environment.yml"
    message:
        "Gathering the accuracies of {wildcards.space}"
    script:
        "../scripts/gather.py"


rule follow:
    """How the score evolves in training, and what the paper claims of it"""
    input:
        networks="results/training/figure6/networks.parquet",
        trainings=trainings("figure6", FIGURE6["networks"]),
        code=code("follow"),
    output:
        table="results/training/figure6.parquet",
        claims="results/claims/figure6.csv",
    log:
        "logs/follow.log",
    benchmark:
        "benchmarks/follow.tsv"
    conda:
        "../environment.yml"
    params:
        resamples=config["bootstrap_resamples"],
        seed=SEED,
    message:
        "Following the score through training"
    script:
        "../scripts/follow.py"


rule figure6:
    """Figure 6: the score in training"""
    input:
        table="results/training/figure6.parquet",
        code=code("figure6"),
    output:
        "results/figures/figure6.png",
        "results/figures/figure6.pdf",
    log:
        "logs/figure6.log",
    benchmark:
        "benchmarks/figure6.tsv"
    conda:
        "../environment.yml"
    message:
        "Drawing Figure 6"
    script:
        "../scripts/figure6.py"
