"""
Tabulate what the searches found beside what the paper printed.

REQUIRED INPUTS:
    results/search/{space}/{dataset}/{method}.parquet, every dataset and method
    resources/published_table2.csv

OUTPUTS:
    results/table2.csv, results/table2.md
"""


rule table2:
    input:
        searches=expand(
            "results/search/{space}/{dataset}/{method}.parquet",
            space=SPACE,
            dataset=config["datasets"],
            method=METHODS,
        ),
        published="resources/published_table2.csv",
        code=code("table2"),
    output:
        csv="results/table2.csv",
        markdown="results/table2.md",
    log:
        "logs/table2.log",
    benchmark:
        "benchmarks/table2.tsv"
    conda:
        "../environment.yml"
    message:
        "Writing Table 2"
    script:
        "../scripts/table2.py"
