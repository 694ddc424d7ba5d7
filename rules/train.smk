"""
Train networks: for custom spaces, and to track the score during training (Figure 6).

A job trains one network. A job that was stopped resumes after its last complete epoch.

REQUIRED INPUTS:
    nothing for digits; files in the mirror or the image folder for other images
    results/benchmarks/{space}.parquet, for Figure 6
    results/batches/{images}/{seed}.npz, to score on

OUTPUTS:
    results/labelled/{images}/{seed}.npz: the images, split
    results/training/{networks}/{images}/{seed}/{number}.parquet: one row per evaluation of a network
    results/trained/{space}.parquet: the accuracies of the networks of a custom space
    results/training/figure6.parquet, results/claims/figure6.csv
"""


rule split_images:
    """Labelled images, split into training, validation and test images"""
    input:
        files=lambda wildcards: inputs.image_files(wildcards.images, training=True),
        code=inputs.code("split_images"),
    output:
        paths.LABELLED_IMAGES,
    log:
        paths.log("split_images", paths.LABELLED_IMAGES),
    benchmark:
        paths.timing("split_images", paths.LABELLED_IMAGES)
    conda:
        "../environment.yml"
    params:
        image_size=lambda wildcards: configuration.image_size(config, wildcards.images),
        train_images=config["training"]["train_images"],
        valid_images=config["training"]["valid_images"],
        content=lambda wildcards: inputs.image_content(wildcards.images, training=True),
        directory=lambda wildcards: configuration.image_directory(config, wildcards.images),
    message:
        "Splitting the images of {wildcards.images}"
    script:
        "../scripts/split_images.py"


rule select_networks:
    """Networks above an accuracy in random order, for Figure 6"""
    input:
        benchmark=paths.BENCHMARK.format(space=config["figure6"]["space"]),
        code=inputs.code("select_networks"),
    output:
        paths.FIGURE6_NETWORKS,
    log:
        paths.log("select_networks"),
    benchmark:
        paths.timing("select_networks")
    conda:
        "../environment.yml"
    params:
        accuracy=config["figure6"]["accuracy"],
        above=config["figure6"]["above"],
        seed=plan.seed,
    message:
        "Selecting networks above {params.above} %"
    script:
        "../scripts/select_networks.py"


rule train_network:
    """Training of one network"""
    input:
        picked=lambda wildcards: plan.picked(wildcards.networks),
        images=paths.LABELLED_IMAGES,
        batch=paths.BATCH,
        code=lambda wildcards: inputs.code("train_network", space=plan.space_of(wildcards.networks)),
    output:
        paths.TRAINING,
    log:
        paths.log("train_network", paths.TRAINING),
    benchmark:
        paths.timing("train_network", paths.TRAINING)
    wildcard_constraints:
        networks="|".join(["figure6", *config["custom_spaces"]]),
    conda:
        "../environment.yml"
    threads: cores_per_job(workflow)
    resources:
        mem_mb=doubling(4096),
        runtime=doubling(480),
        gpu=plan.gpus,
    params:
        space=lambda wildcards: plan.space_of(wildcards.networks),
        arch=lambda wildcards: plan.arch_of(wildcards.networks, int(wildcards.number)),
        protocol=configuration.protocol(config),
        precision=config["precision"],
        relu_count=config["relu_count"],
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Training network {wildcards.number} of {wildcards.networks} on {wildcards.images}"
    script:
        "../scripts/train_network.py"


rule collect_trained:
    """The accuracies of trained networks, as a table"""
    input:
        trainings=lambda wildcards: plan.trainings(wildcards.space),
        code=lambda wildcards: inputs.code("collect_trained", space=wildcards.space),
    output:
        paths.TRAINED,
    log:
        paths.log("collect_trained", paths.TRAINED),
    benchmark:
        paths.timing("collect_trained", paths.TRAINED)
    conda:
        "../environment.yml"
    message:
        "Collecting the accuracies of {wildcards.space}"
    script:
        "../scripts/collect_trained.py"


rule track_score:
    """The score during training, and the paper's claims about it"""
    input:
        networks=paths.FIGURE6_NETWORKS,
        trainings=plan.trainings("figure6"),
        code=inputs.code("track_score"),
    output:
        table=paths.FIGURE6_SCORES,
        claims=paths.CLAIMS_OF.format(figure="figure6"),
    log:
        paths.log("track_score"),
    benchmark:
        paths.timing("track_score")
    conda:
        "../environment.yml"
    params:
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
    message:
        "Tracking the score during training"
    script:
        "../scripts/track_score.py"
