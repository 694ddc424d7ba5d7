"""
Vary the settings that a score depends on (mini-batch, initial weights, sizes) and measure the effect.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet
    image files in the mirror or the image folder, for images that need some

OUTPUTS:
    results/ablations/{space}/{dataset}/{seed}/networks/{choice}.parquet
    results/ablations/{space}/{dataset}/{seed}/{ablation}/{level}.parquet
    results/ablations/scores.parquet, networks.csv, levels.csv: all levels in one table
    results/claims/figure5.csv
    results/variance_components.csv, results/rank_stability.csv
"""


rule select_ablation_networks:
    """Networks for ablations, by percentiles of accuracy or at random"""
    input:
        benchmark=paths.BENCHMARK,
        code=inputs.code("select_ablation_networks"),
    output:
        paths.ABLATION_NETWORKS,
    log:
        paths.log("select_ablation_networks", paths.ABLATION_NETWORKS),
    benchmark:
        paths.timing("select_ablation_networks", paths.ABLATION_NETWORKS)
    wildcard_constraints:
        choice="|".join(ablations.CHOICES),
    conda:
        "../environment.yml"
    params:
        networks=lambda wildcards: ablations.count_of(config, wildcards.choice),
    message:
        "Choosing networks of {wildcards.space}: {wildcards.choice}"
    script:
        "../scripts/select_ablation_networks.py"


rule score_ablation:
    """Scores at one level of an ablation"""
    input:
        networks=lambda wildcards: paths.partly(
            paths.ABLATION_NETWORKS, choice=ablations.choice_of(wildcards.ablation)
        ),
        files=lambda wildcards: inputs.image_files(plan.images[wildcards.dataset]),
        code=lambda wildcards: inputs.code("score_ablation", space=wildcards.space, family="naswot"),
    output:
        paths.ABLATION,
    log:
        paths.log("score_ablation", paths.ABLATION),
    benchmark:
        paths.timing("score_ablation", paths.ABLATION)
    wildcard_constraints:
        ablation="|".join(ablations.ABLATIONS),
        level=r"[\w.]+",
    conda:
        "../environment.yml"
    threads: cores_per_job(workflow)
    resources:
        mem_mb=doubling(2048),
        runtime=doubling(60),
        gpu=plan.gpus,
    params:
        setting=lambda wildcards: ablations.setting_of(
            config, plan.images[wildcards.dataset], wildcards.ablation, wildcards.level
        ),
        precision=config["precision"],
        relu_count=config["relu_count"],
        device=config["device"],
        content=lambda wildcards: inputs.image_content(plan.images[wildcards.dataset]),
        directory=lambda wildcards: configuration.image_directory(
            config, plan.images[wildcards.dataset]
        ),
        torch=package_version("torch"),
    message:
        "Scoring {wildcards.space}: {wildcards.ablation}, {wildcards.level}"
    script:
        "../scripts/score_ablation.py"


rule summarise_ablations:
    """All ablations in one table, and the paper's claims about them"""
    input:
        shards=lambda wildcards: plan.ablation_levels(*ablations.FIGURE5, *ablations.BEYOND),
        code=inputs.code("summarise_ablations"),
    output:
        scores=paths.ABLATION_SCORES,
        networks=paths.NETWORKS,
        levels=paths.LEVELS,
        claims=paths.CLAIMS_OF.format(figure="figure5"),
    log:
        paths.log("summarise_ablations"),
    benchmark:
        paths.timing("summarise_ablations")
    conda:
        "../environment.yml"
    params:
        left_out=lambda wildcards: ablations.left_out(config, plan.images[plan.ablated[1]]),
    message:
        "Summarising ablations"
    script:
        "../scripts/summarise_ablations.py"


rule estimate_variance:
    """Components of the score's variance, and the stability of the ranking"""
    input:
        shards=lambda wildcards: plan.ablation_levels(ablations.VARIANCE),
        code=inputs.code("estimate_variance"),
    output:
        components=paths.VARIANCE_COMPONENTS,
        stability=paths.RANK_STABILITY,
    log:
        paths.log("estimate_variance"),
    benchmark:
        paths.timing("estimate_variance")
    conda:
        "../environment.yml"
    params:
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
    message:
        "Estimating the components of the variance of scores"
    script:
        "../scripts/estimate_variance.py"
