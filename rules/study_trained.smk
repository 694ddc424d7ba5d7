"""
Study whether networks that a score chooses train better than random ones.

REQUIRED INPUTS:
    the images of search_study_trained.images: a package, the mirror or the image folder
    results/batches/{images}/{seed}.npz, to score on

OUTPUTS:
    results/search_study_trained/images.npz: the images, split
    results/search_study_trained/candidates.parquet: all networks that were drawn, with scores
    results/search_study_trained/trainings/{number}.parquet: one row per evaluation of a network
    results/search_study_trained.csv, .md, results/search_study_trained_summary.csv
"""


rule split_study_images:
    """The images of the study, split into training, validation and test images"""
    input:
        files=inputs.image_files(config["search_study_trained"]["images"], training=True),
        code=inputs.code("split_study_images"),
    output:
        paths.STUDY_IMAGES,
    log:
        paths.log("split_study_images"),
    benchmark:
        paths.timing("split_study_images")
    # Missing images should end the run before anything is scored.
    priority: 1
    conda:
        "../environment.yml"
    params:
        about={
            key: config["search_study_trained"][key]
            for key in ("images", "train_images", "valid_images")
        },
        image_size=configuration.image_size(config, config["search_study_trained"]["images"]),
        content=inputs.image_content(config["search_study_trained"]["images"], training=True),
        directory=lambda wildcards: configuration.image_directory(
            config, config["search_study_trained"]["images"]
        ),
        seed=plan.seed,
    message:
        "Splitting the images of the study"
    script:
        "../scripts/split_study_images.py"


rule draw_candidates:
    """Random networks within limits, scored untrained"""
    input:
        batch=paths.BATCH.format(images=config["search_study_trained"]["images"], seed=plan.seed),
        code=[
            inputs.code("draw_candidates", family=family)
            for family in trained_study.families(config, plan.aggregates)
        ],
        space=inputs.space_files(config["search_study_trained"]["space"]),
    output:
        paths.CANDIDATES,
    log:
        paths.log("draw_candidates"),
    benchmark:
        paths.timing("draw_candidates")
    conda:
        "../environment.yml"
    resources:
        mem_mb=doubling(4096),
        runtime=doubling(480),
        gpu=plan.gpus,
    params:
        about={
            key: config["search_study_trained"][key]
            for key in ("space", "limits", "score", "drawn", "random", "best")
        },
        members=trained_study.members(config, plan.aggregates),
        by=getattr(plan.aggregates.get(config["search_study_trained"]["score"]), "by", None),
        seed=plan.seed,
        precision=config["precision"],
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Drawing and scoring {params.about[drawn]} networks of {params.about[space]}"
    script:
        "../scripts/draw_candidates.py"


rule train_candidate:
    """Training of one network of the study"""
    input:
        candidates=paths.CANDIDATES,
        images=paths.STUDY_IMAGES,
        code=inputs.code("train_candidate"),
        space=inputs.space_files(config["search_study_trained"]["space"]),
    output:
        paths.STUDY_TRAINING,
    log:
        paths.log("train_candidate", paths.STUDY_TRAINING),
    benchmark:
        paths.timing("train_candidate", paths.STUDY_TRAINING)
    conda:
        "../environment.yml"
    threads: cores_per_job(workflow)
    resources:
        mem_mb=doubling(4096),
        runtime=doubling(480),
        gpu=plan.gpus,
    params:
        protocol=trained_study.protocol(config),
        seed=plan.seed,
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Training network {wildcards.number} of the study"
    script:
        "../scripts/train_candidate.py"


rule compare_trained:
    """Networks chosen by score beside random ones and the largest, trained"""
    input:
        candidates=paths.CANDIDATES,
        trainings=plan.study_trainings,
        code=inputs.code("compare_trained"),
    output:
        csv=paths.SEARCH_STUDY_TRAINED,
        summary=paths.SEARCH_STUDY_TRAINED_SUMMARY,
        markdown=paths.with_ending(paths.SEARCH_STUDY_TRAINED, "md"),
    log:
        paths.log("compare_trained"),
    benchmark:
        paths.timing("compare_trained")
    conda:
        "../environment.yml"
    params:
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
    message:
        "Comparing trained networks"
    script:
        "../scripts/compare_trained.py"
