"""
Follow the searches through time: how accurate what they have found is after so many seconds.

REQUIRED INPUTS:
    results/trajectories/{space}/{dataset}/{pool}/{method}.parquet, every dataset, pool and method
    results/benchmarks/{space}.parquet

OUTPUTS:
    results/anytime.csv
"""


rule anytime:
    """What each search has found after how many seconds"""
    input:
        trajectories=trajectories(*configuration.SEARCHED),
        benchmarks=[
            f"results/benchmarks/{space}.parquet"
            for space in configuration.SEARCHED
            if trajectories(space)
        ],
        code=code("anytime"),
    output:
        "results/anytime.csv",
    log:
        "logs/anytime.log",
    benchmark:
        "benchmarks/anytime.tsv"
    conda:
        "../environment.yml"
    message:
        "Following the searches through time"
    script:
        "../scripts/anytime.py"
