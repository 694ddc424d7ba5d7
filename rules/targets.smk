"""
Name what a run can be asked for: `snakemake --list` reads as the table of contents.

REQUIRED INPUTS:
    everything that this configuration has data for

OUTPUTS:
    nothing of their own
"""

FIGURES = [
    f"results/figures/{name}.{format}"
    for name in (
        *(f"figure{number}" for number in PANELS if wanted(number, config["spaces"])),
        *(f"scatter/{space}/{dataset}" for space, dataset in RUNS),
        *(VIEWS if len(SCORES) > 1 else ()),
        *(["figure7"] if searches("nasbench201") else ()),
        *(["anytime"] if searches(*configuration.SEARCHED) else ()),
    )
    for format in ("png", "pdf")
]
TABLES = [
    "results/kendall_tau.csv",
    *(["results/table1.csv"] if searches("nasbench101") else []),
    *(["results/table2.csv"] if searches("nasbench201", "natsbench_sss") else []),
    *(["results/score_comparison.csv"] if len(SCORES) > 1 else []),
    *(["results/paper_comparison.csv"] if published() else []),
    *(["results/assistance.csv"] if pairs() else []),
]
TRAINED = [
    "results/figures/figure6.png",
    "results/figures/figure6.pdf",
    "results/claims/figure6.csv",
]


localrules:
    tables,
    figures,
    training,


rule tables:
    """Tables 1 and 2, Kendall tau, and each of the paper's numbers beside ours"""
    input:
        TABLES,


rule figures:
    """Every figure"""
    input:
        FIGURES,


rule training:
    """Figure 6: networks are trained, which takes minutes, or days as the paper does it"""
    input:
        TRAINED,
