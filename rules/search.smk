"""
Simulate searches, many runs each.

REQUIRED INPUTS:
    results/joined and results/seconds/{space}/{images}/{score}/{seed}.parquet, where scores are used
    results/benchmarks/{space}.parquet
    results/neighbours/{space}.parquet, for searches under a budget

OUTPUTS:
    results/search/{space}/{dataset}/{pool}/{method}.parquet, a row a run
    results/trajectories/{space}/{dataset}/{pool}/{method}.parquet, a row an evaluation

Steps:
    choose: NASWOT, Random and Optimal draw from a pool, the scored architectures or all
    search: REA, AREA and others spend a budget on training, anywhere in the space
"""


rule choose:
    """NASWOT, Random and Optimal: choices among drawn architectures"""
    input:
        unpack(lambda wildcards: costs(wildcards.space, wildcards.dataset, wildcards.method)),
        table=lambda wildcards: pool(wildcards.space, wildcards.dataset, wildcards.pool),
        code=code("choose"),
    output:
        runs="results/search/{space}/{dataset}/{pool}/{method}.parquet",
        trajectories="results/trajectories/{space}/{dataset}/{pool}/{method}.parquet",
    log:
        "logs/choose/{space}/{dataset}/{pool}/{method}.log",
    benchmark:
        "benchmarks/choose/{space}/{dataset}/{pool}/{method}.tsv"
    wildcard_constraints:
        method="naswot|random|optimal",
    conda:
        "../environment.yml"
    params:
        sample_sizes=lambda wildcards: sample_sizes(wildcards.method),
        runs=config["n_runs"],
        seed=SEED,
    message:
        "Searching {wildcards.space} for {wildcards.dataset} with {wildcards.method}, pool {wildcards.pool}"
    script:
        "../scripts/choose.py"


rule search:
    """Searches under a budget, 500 runs"""
    input:
        unpack(lambda wildcards: assistance(wildcards.space, wildcards.dataset, wildcards.method)),
        benchmark="results/benchmarks/{space}.parquet",
        neighbours="results/neighbours/{space}.parquet",
        code=code("search"),
    output:
        runs="results/search/{space}/{dataset}/whole/{method}.parquet",
        trajectories="results/trajectories/{space}/{dataset}/whole/{method}.parquet",
    log:
        "logs/search/{space}/{dataset}/{method}.log",
    benchmark:
        "benchmarks/search/{space}/{dataset}/{method}.tsv"
    wildcard_constraints:
        method="|".join(BUDGETED),
    conda:
        "../environment.yml"
    params:
        searched=lambda wildcards: searched(wildcards.space, wildcards.dataset),
        settings=config["search"],
        runs=config["n_runs"],
        seed=SEED,
    message:
        "Searching {wildcards.space} for {wildcards.dataset} with {wildcards.method}"
    script:
        "../scripts/search.py"
