"""
Plot the score against the accuracy of every network, scores side by side, and searches.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet
    results/kendall_tau.csv
    results/score_comparison.csv, results/score_agreement.csv, if there are several scores
    results/table2.csv, results/anytime.csv, for searches

OUTPUTS:
    results/figures/scatter/{space}/{dataset}.png and .pdf: one space and dataset
    results/figures/figure{number}.png and .pdf: Fig. 3, 9 and 10 of the paper
    results/figures/{view}.png and .pdf: scores side by side, Fig. 4 among them;
        searches side by side: Fig. 7, and what each has found after how many seconds
"""


rule scatter:
    """Score against accuracy, one space and dataset"""
    input:
        joined=lambda wildcards: joined(wildcards.space, wildcards.dataset),
        correlations="results/kendall_tau.csv",
        code=code("scatter"),
    output:
        "results/figures/scatter/{space}/{dataset}.png",
        "results/figures/scatter/{space}/{dataset}.pdf",
    log:
        "logs/scatter/{space}/{dataset}.log",
    benchmark:
        "benchmarks/scatter/{space}/{dataset}.tsv"
    conda:
        "../environment.yml"
    params:
        title=lambda wildcards: SPACES[wildcards.space].title,
    message:
        "Plotting scores of {wildcards.space} against {wildcards.dataset} accuracies"
    script:
        "../scripts/scatter.py"


rule panels:
    """Figures 3, 9 and 10"""
    input:
        joined=lambda wildcards: [
            joined(*panel) for panel in panels_of(int(wildcards.number), RUNS).values()
        ],
        correlations="results/kendall_tau.csv",
        code=code("panels"),
    output:
        "results/figures/figure{number}.png",
        "results/figures/figure{number}.pdf",
    log:
        "logs/panels/{number}.log",
    benchmark:
        "benchmarks/panels/{number}.tsv"
    wildcard_constraints:
        number="|".join(map(str, PANELS)),
    conda:
        "../environment.yml"
    params:
        panels=lambda wildcards: panels_of(int(wildcards.number), RUNS),
        missing=list(MISSING),
    message:
        "Drawing Figure {wildcards.number}"
    script:
        "../scripts/panels.py"


rule comparison:
    """Figure 4 and other pictures of several scores"""
    input:
        comparison="results/score_comparison.csv",
        agreement="results/score_agreement.csv",
        code=code("comparison"),
    output:
        "results/figures/{view}.png",
        "results/figures/{view}.pdf",
    log:
        "logs/comparison/{view}.log",
    benchmark:
        "benchmarks/comparison/{view}.tsv"
    wildcard_constraints:
        view="|".join(VIEWS),
    conda:
        "../environment.yml"
    params:
        titles=[SPACES[space].title for space in config["spaces"]],
    message:
        "Drawing {wildcards.view}"
    script:
        "../scripts/comparison.py"


rule searches:
    """Figure 7 and the curves of searches"""
    input:
        table=lambda wildcards: SEARCH_VIEWS[wildcards.view],
        code=code("searches"),
    output:
        "results/figures/{view}.png",
        "results/figures/{view}.pdf",
    log:
        "logs/searches/{view}.log",
    benchmark:
        "benchmarks/searches/{view}.tsv"
    wildcard_constraints:
        view="|".join(SEARCH_VIEWS),
    conda:
        "../environment.yml"
    params:
        titles=[SPACES[space].title for space in config["spaces"]],
    message:
        "Drawing {wildcards.view}"
    script:
        "../scripts/searches.py"
