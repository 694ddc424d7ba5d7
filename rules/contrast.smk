"""
Compare with the paper, number by number, and searches that use a score with REA, run by run.

REQUIRED INPUTS:
    results/search/{space}/{dataset}/{pool}/{method}.parquet, every dataset, pool and method
    results/kendall_tau.csv
    resources/published_table1.csv, resources/published_table2.csv
    resources/published_kendall_tau.csv

OUTPUTS:
    results/paper_comparison.csv
    results/assistance.csv, .md
"""


rule contrast:
    """Each of the paper's numbers beside ours"""
    input:
        searches=searches(*configuration.SEARCHED),
        correlations="results/kendall_tau.csv",
        published=[ours(f"resources/published_table{number}.csv") for number in (1, 2)],
        taus=ours("resources/published_kendall_tau.csv"),
        code=code("contrast"),
    output:
        "results/paper_comparison.csv",
    log:
        "logs/contrast.log",
    benchmark:
        "benchmarks/contrast.tsv"
    conda:
        "../environment.yml"
    params:
        scoring={name: config[name] for name in SCORING},
        missing=MISSING,
    message:
        "Comparing with the paper"
    script:
        "../scripts/contrast.py"


rule pair:
    """What a score adds to REA, run by run"""
    input:
        searches=pairs(),
        code=code("pair"),
    output:
        csv="results/assistance.csv",
        markdown="results/assistance.md",
    log:
        "logs/pair.log",
    benchmark:
        "benchmarks/pair.tsv"
    conda:
        "../environment.yml"
    message:
        "Pairing searches that use a score with REA"
    script:
        "../scripts/pair.py"
