"""
Search with shared weights, and look up what was found in the benchmark table.

A job is one search. A job that was stopped resumes after its last complete epoch.

REQUIRED INPUTS:
    the images of supernet.images: a package, the mirror or the image folder
    results/benchmarks/nasbench201.parquet

OUTPUTS:
    results/supernet/images.npz: the images, in two halves
    results/supernet/{search}/{seed}.parquet: one row per epoch; _cells: random cells, tried
    results/search/nasbench201/{dataset}/whole/{search}.parquet: one row per search
    results/weight_sharing.csv, .md, results/weight_sharing_epochs.csv, _cells.csv
"""


rule split_supernet_images:
    """The images of the supernet: a half for weights, a half for architectures"""
    input:
        files=inputs.image_files(config["supernet"]["images"], training=True),
        code=inputs.code("split_supernet_images"),
    output:
        paths.SUPERNET_IMAGES,
    log:
        paths.log("split_supernet_images"),
    benchmark:
        paths.timing("split_supernet_images")
    conda:
        "../environment.yml"
    params:
        images=config["supernet"]["images"],
        half=config["supernet"]["half"],
        image_size=config["supernet"]["image_size"],
        content=inputs.image_content(config["supernet"]["images"], training=True),
        directory=lambda wildcards: configuration.image_directory(
            config, config["supernet"]["images"]
        ),
        seed=plan.seed,
    message:
        "Splitting the images of the supernet"
    script:
        "../scripts/split_supernet_images.py"


rule share_weights:
    """One search with shared weights"""
    input:
        images=paths.SUPERNET_IMAGES,
        code=lambda wildcards: inputs.code(
            "share_weights", sharing=plan.sharing[wildcards.search]["method"]
        ),
    output:
        epochs=paths.SHARED,
        cells=paths.SHARED_CELLS,
    log:
        paths.log("share_weights", paths.SHARED),
    benchmark:
        paths.timing("share_weights", paths.SHARED)
    conda:
        "../environment.yml"
    resources:
        mem_mb=doubling(4096),
        runtime=doubling(480),
        gpu=plan.gpus,
    params:
        about=lambda wildcards: plan.sharing[wildcards.search],
        protocol=config["supernet"]["protocol"],
        compared=config["supernet"]["compared"],
        device=config["device"],
        torch=package_version("torch"),
    message:
        "Searching with shared weights: {wildcards.search}, seed {wildcards.seed}"
    script:
        "../scripts/share_weights.py"


rule look_up:
    """Trained accuracies of what searches with shared weights found"""
    input:
        searches=lambda wildcards: plan.shared(wildcards.method),
        benchmark=paths.BENCHMARK.format(space=SHARED_SPACE),
        code=inputs.code("look_up"),
    output:
        paths.partly(paths.SEARCH, space=SHARED_SPACE, pool="whole"),
    log:
        paths.log("look_up", paths.partly(paths.SEARCH, space=SHARED_SPACE, pool="whole")),
    benchmark:
        paths.timing("look_up", paths.partly(paths.SEARCH, space=SHARED_SPACE, pool="whole"))
    wildcard_constraints:
        method="|".join(plan.sharing) or "none",
    conda:
        "../environment.yml"
    message:
        "Looking up what {wildcards.method} found for {wildcards.dataset}"
    script:
        "../scripts/look_up.py"


rule compare_sharing:
    """What searches with shared weights found, beside all cells"""
    input:
        searches=plan.shared(*plan.sharing),
        cells=plan.shared(*plan.sharing, path=paths.SHARED_CELLS),
        benchmark=paths.BENCHMARK.format(space=SHARED_SPACE),
        code=inputs.code("compare_sharing"),
    output:
        csv=paths.WEIGHT_SHARING,
        epochs=paths.WEIGHT_SHARING_EPOCHS,
        cells=paths.WEIGHT_SHARING_CELLS,
        markdown=paths.with_ending(paths.WEIGHT_SHARING, "md"),
    log:
        paths.log("compare_sharing"),
    benchmark:
        paths.timing("compare_sharing")
    conda:
        "../environment.yml"
    params:
        searches=list(plan.sharing),
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
    message:
        "Comparing searches with shared weights"
    script:
        "../scripts/compare_sharing.py"
