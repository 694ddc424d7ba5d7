"""
Vary what a score depends on: mini-batch, initial weights, sizes; and say how much that matters.

REQUIRED INPUTS:
    results/benchmarks/{space}.parquet
    files in the mirror or the folder of images, for images that need some

OUTPUTS:
    results/ablations/{space}/{dataset}/{seed}/networks/{choice}.parquet
    results/ablations/{space}/{dataset}/{seed}/{ablation}/{level}.parquet
    results/ablations/scores.parquet, networks.csv, levels.csv: all levels side by side
    results/claims/figure5.csv
    results/variance_components.csv, results/rank_stability.csv
    results/figures/figure5, ablations, variance, .png and .pdf
"""


rule stratify:
    """Networks for ablations, by percentiles of accuracy or at random"""
    input:
        benchmark="results/benchmarks/{space}.parquet",
        code=code("stratify"),
    output:
        "results/ablations/{space}/{dataset}/{seed}/networks/{choice}.parquet",
    log:
        "logs/stratify/{space}/{dataset}/{seed}/{choice}.log",
    benchmark:
        "benchmarks/stratify/{space}/{dataset}/{seed}/{choice}.tsv"
    wildcard_constraints:
        choice="|".join(ablations.CHOICES),
    conda:
        "../environment.yml"
    params:
        networks=lambda wildcards: ablations.count_of(config, wildcards.choice),
    message:
        "Choosing networks of {wildcards.space}: {wildcards.choice}"
    script:
        "../scripts/stratify.py"


rule ablate:
    """Scores at one level of an ablation"""
    input:
        networks=lambda wildcards: (
            "results/ablations/{space}/{dataset}/{seed}/networks/"
            f"{ablations.choice_of(wildcards.ablation)}.parquet"
        ),
        files=lambda wildcards: image_files(IMAGES[wildcards.dataset]),
        code=lambda wildcards: code("ablate", wildcards.space, "naswot"),
    output:
        "results/ablations/{space}/{dataset}/{seed}/{ablation}/{level}.parquet",
    log:
        "logs/ablate/{space}/{dataset}/{seed}/{ablation}/{level}.log",
    benchmark:
        "benchmarks/ablate/{space}/{dataset}/{seed}/{ablation}/{level}.tsv"
    wildcard_constraints:
        ablation="|".join(ablations.ABLATIONS),
        level=r"[\w.]+",
    conda:
        "../environment.yml"
    threads: score_threads
    resources:
        mem_mb=doubling(2048),
        runtime=doubling(60),
        gpu=GPUS,
    params:
        setting=lambda wildcards: ablations.setting_of(
            config, IMAGES[wildcards.dataset], wildcards.ablation, wildcards.level
        ),
        precision=config["precision"],
        relu_count=config["relu_count"],
        device=config["device"],
        content=lambda wildcards: image_content(IMAGES[wildcards.dataset]),
        directory=lambda wildcards: configuration.image_directory(config, IMAGES[wildcards.dataset]),
        torch=package_version("torch"),
    message:
        "Scoring {wildcards.space}: {wildcards.ablation}, {wildcards.level}"
    script:
        "../scripts/ablate.py"


rule collate:
    """All ablations side by side, and what the paper claims of them"""
    input:
        shards=lambda wildcards: ablated_at(*ablations.FIGURE5, *ablations.BEYOND),
        code=code("collate"),
    output:
        scores="results/ablations/scores.parquet",
        networks="results/ablations/networks.csv",
        levels="results/ablations/levels.csv",
        claims="results/claims/figure5.csv",
    log:
        "logs/collate.log",
    benchmark:
        "benchmarks/collate.tsv"
    conda:
        "../environment.yml"
    params:
        left_out=lambda wildcards: ablations.left_out(config, IMAGES[ABLATED[1]]),
    message:
        "Gathering ablations"
    script:
        "../scripts/collate.py"


rule decompose:
    """Components of the score's variance, and how stable the ranking is"""
    input:
        shards=lambda wildcards: ablated_at(ablations.VARIANCE),
        code=code("decompose"),
    output:
        components="results/variance_components.csv",
        stability="results/rank_stability.csv",
    log:
        "logs/decompose.log",
    benchmark:
        "benchmarks/decompose.tsv"
    conda:
        "../environment.yml"
    params:
        resamples=config["bootstrap_resamples"],
        seed=SEED,
    message:
        "Decomposing the variance of scores"
    script:
        "../scripts/decompose.py"


rule sensitivity:
    """Figure 5 and other pictures of what a score depends on"""
    input:
        tables=lambda wildcards: ABLATION_VIEWS[wildcards.view],
        code=code("sensitivity"),
    output:
        "results/figures/{view}.png",
        "results/figures/{view}.pdf",
    log:
        "logs/sensitivity/{view}.log",
    benchmark:
        "benchmarks/sensitivity/{view}.tsv"
    wildcard_constraints:
        view="|".join(ABLATION_VIEWS),
    conda:
        "../environment.yml"
    params:
        title=SPACES[ABLATED[0]].title,
    message:
        "Drawing {wildcards.view}"
    script:
        "../scripts/sensitivity.py"
