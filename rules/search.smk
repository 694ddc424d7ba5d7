"""
Simulate searches, many runs each.

REQUIRED INPUTS:
    results/joined and results/seconds/{space}/{images}/{score}/{seed}.parquet, if scores are used
    results/benchmarks/{space}.parquet
    results/neighbours/{space}.parquet, for searches under a budget

OUTPUTS:
    results/search/{space}/{dataset}/{pool}/{method}.parquet, one row per run
    results/trajectories/{space}/{dataset}/{pool}/{method}.parquet, one row per evaluation
    results/anytime.csv: accuracy of the best architecture found by each search, over time

Steps:
    search_by_sampling: NASWOT, Random and Optimal sample a pool: scored architectures or the space
    search_under_budget: REA, AREA and others spend a budget on training, anywhere in the space
"""


rule search_by_sampling:
    """NASWOT, Random and Optimal: choices from sampled architectures"""
    input:
        unpack(
            lambda wildcards: plan.sampling_seconds(
                wildcards.space, wildcards.dataset, wildcards.pool, wildcards.method
            )
        ),
        table=lambda wildcards: plan.pool(wildcards.space, wildcards.dataset, wildcards.pool),
        code=inputs.code("search_by_sampling"),
    output:
        runs=paths.SEARCH,
        trajectories=paths.TRAJECTORIES,
    log:
        paths.log("search_by_sampling", paths.SEARCH),
    benchmark:
        paths.timing("search_by_sampling", paths.SEARCH)
    wildcard_constraints:
        method="|".join(SAMPLINGS),
    conda:
        "../environment.yml"
    params:
        sample_sizes=lambda wildcards: plan.sample_sizes(wildcards.method),
        runs=config["n_runs"],
        seed=plan.seed,
    message:
        "Searching {wildcards.space} for {wildcards.dataset} with {wildcards.method}, pool {wildcards.pool}"
    script:
        "../scripts/search_by_sampling.py"


rule search_under_budget:
    """Searches under a budget, many runs each"""
    input:
        unpack(
            lambda wildcards: plan.scored(
                wildcards.space, wildcards.dataset, wildcards.pool, wildcards.method
            )
        ),
        benchmark=paths.BENCHMARK,
        neighbours=paths.NEIGHBOURS,
        code=inputs.code("search_under_budget"),
    output:
        runs=paths.SEARCH,
        trajectories=paths.TRAJECTORIES,
    log:
        paths.log("search_under_budget", paths.SEARCH),
    benchmark:
        paths.timing("search_under_budget", paths.SEARCH)
    wildcard_constraints:
        method="|".join(METHODS),
    conda:
        "../environment.yml"
    params:
        searched=lambda wildcards: plan.searched(wildcards.space, wildcards.dataset),
        settings=config["search"],
        runs=config["n_runs"],
        seed=plan.seed,
    message:
        "Searching {wildcards.space} for {wildcards.dataset} with {wildcards.method}, pool {wildcards.pool}"
    script:
        "../scripts/search_under_budget.py"


rule trace_searches:
    """Accuracy found by each search over time"""
    input:
        trajectories=plan.trajectories(*SEARCHED),
        benchmarks=[
            paths.BENCHMARK.format(space=space) for space in SEARCHED if plan.trajectories(space)
        ],
        code=inputs.code("trace_searches"),
    output:
        paths.ANYTIME,
    log:
        paths.log("trace_searches"),
    benchmark:
        paths.timing("trace_searches")
    conda:
        "../environment.yml"
    message:
        "Tracing the searches over time"
    script:
        "../scripts/trace_searches.py"
