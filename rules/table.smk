"""
Tabulate what the searches found beside what the paper printed.

REQUIRED INPUTS:
    results/search/{space}/{dataset}/{pool}/{method}.parquet, every dataset, pool and method
    resources/published_table1.csv, resources/published_table2.csv

OUTPUTS:
    results/table1.csv, .md, .tex: NAS-Bench-101
    results/table2.csv, .md, .tex: NAS-Bench-201 and NATS-Bench SSS
"""


rule table1:
    """Table 1: NAS-Bench-101"""
    input:
        searches=searches("nasbench101"),
        published=ours("resources/published_table1.csv"),
        code=code("table1"),
    output:
        csv="results/table1.csv",
        markdown="results/table1.md",
        latex="results/table1.tex",
    log:
        "logs/table1.log",
    benchmark:
        "benchmarks/table1.tsv"
    conda:
        "../environment.yml"
    message:
        "Writing Table 1"
    script:
        "../scripts/table1.py"


rule table2:
    """Table 2: NAS-Bench-201 and NATS-Bench SSS"""
    input:
        searches=searches("nasbench201", "natsbench_sss"),
        published=ours("resources/published_table2.csv"),
        code=code("table2"),
    output:
        csv="results/table2.csv",
        markdown="results/table2.md",
        latex="results/table2.tex",
    log:
        "logs/table2.log",
    benchmark:
        "benchmarks/table2.tsv"
    conda:
        "../environment.yml"
    params:
        missing=[space for space in ("nasbench201", "natsbench_sss") if space in MISSING],
    message:
        "Writing Table 2"
    script:
        "../scripts/table2.py"
