"""
Write the results of the searches beside the numbers of the paper.

REQUIRED INPUTS:
    results/search/{space}/{dataset}/{pool}/{method}.parquet, for every dataset, pool and method
    resources/published_table1.csv, resources/published_table2.csv

OUTPUTS:
    results/table1.csv, .md, .tex: NAS-Bench-101
    results/table2.csv, .md, .tex: NAS-Bench-201 and NATS-Bench SSS
"""


rule write_table1:
    """Table 1: NAS-Bench-101"""
    input:
        searches=plan.searches("nasbench101"),
        published=inputs.ours("resources/published_table1.csv"),
        code=inputs.code("write_table1"),
    output:
        csv=paths.TABLE1,
        markdown=paths.with_ending(paths.TABLE1, "md"),
        latex=paths.with_ending(paths.TABLE1, "tex"),
    log:
        paths.log("write_table1"),
    benchmark:
        paths.timing("write_table1")
    conda:
        "../environment.yml"
    message:
        "Writing Table 1"
    script:
        "../scripts/write_table1.py"


rule write_table2:
    """Table 2: NAS-Bench-201 and NATS-Bench SSS"""
    input:
        searches=plan.searches("nasbench201", "natsbench_sss"),
        published=inputs.ours("resources/published_table2.csv"),
        code=inputs.code("write_table2"),
    output:
        csv=paths.TABLE2,
        markdown=paths.with_ending(paths.TABLE2, "md"),
        latex=paths.with_ending(paths.TABLE2, "tex"),
    log:
        paths.log("write_table2"),
    benchmark:
        paths.timing("write_table2")
    conda:
        "../environment.yml"
    params:
        missing=[space for space in ("nasbench201", "natsbench_sss") if space in plan.missing],
    message:
        "Writing Table 2"
    script:
        "../scripts/write_table2.py"
