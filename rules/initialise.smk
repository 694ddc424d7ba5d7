"""
Score the best networks again with other initial weights: the chance of one initialisation.

REQUIRED INPUTS:
    results/joined/{space}/{images}/naswot/{seed}.parquet
    results/batches/{images}/{seed}.npz

OUTPUTS:
    results/initialisations/{space}/{images}/{seed}/{initialisation}.parquet
    results/initialisations.csv
"""


rule score_again:
    """The best networks, scored with other initial weights"""
    input:
        joined=paths.partly(paths.JOINED, score="naswot"),
        batch=paths.BATCH,
        code=lambda wildcards: inputs.code("score_again", space=wildcards.space, family="naswot"),
    output:
        paths.SCORED_AGAIN,
    log:
        paths.log("score_again", paths.SCORED_AGAIN),
    benchmark:
        paths.timing("score_again", paths.SCORED_AGAIN)
    conda:
        "../environment.yml"
    threads: cores_per_job(workflow)
    resources:
        mem_mb=doubling(2048),
        runtime=doubling(60),
        gpu=plan.gpus,
    params:
        networks=config["initialisations"]["networks"],
        precision=config["precision"],
        relu_count=config["relu_count"],
        device=config["device"],
    message:
        "Scoring the best of {wildcards.space} on {wildcards.images} again: initialisation {wildcards.initialisation}"
    script:
        "../scripts/score_again.py"


rule vary_initialisation:
    """What NASWOT finds with other initial weights"""
    input:
        joined=[plan.joined(*run, "naswot") for run in plan.initialised],
        again=plan.scored_again,
        code=inputs.code("vary_initialisation"),
    output:
        paths.INITIALISATIONS,
    log:
        paths.log("vary_initialisation"),
    benchmark:
        paths.timing("vary_initialisation")
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _, dataset in plan.initialised],
        initialisations=config["initialisations"]["count"],
        sample_sizes=plan.sample_sizes("naswot"),
        runs=config["n_runs"],
        seed=plan.seed,
    message:
        "Searching with other initial weights"
    script:
        "../scripts/vary_initialisation.py"
