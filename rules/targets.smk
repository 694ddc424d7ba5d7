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
        *(["figure1"] if "naswot" in SCORES else ()),
        "figure2",
        "figure8",
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
    *(["results/kernel_similarity.csv"] if "naswot" in SCORES else []),
    *(["results/table1.csv"] if searches("nasbench101") else []),
    *(["results/table2.csv"] if searches("nasbench201", "natsbench_sss") else []),
    *(["results/score_comparison.csv"] if len(SCORES) > 1 else []),
    *(["results/paper_comparison.csv"] if published() else []),
    *(["results/assistance.csv"] if pairs() else []),
]

ABLATION_TABLES = [
    "results/ablations/levels.csv",
    "results/variance_components.csv",
    "results/rank_stability.csv",
]
ABLATION_FIGURES = [
    f"results/figures/{view}.{format}" for view in ABLATION_VIEWS for format in ("png", "pdf")
]
# What the paper says of its figures in words.
CLAIMS = [
    *(["results/claims/figure1.csv"] if "naswot" in SCORES else []),
    "results/claims/figure2.csv",
]
if ABLATED in RUNS:
    TABLES += ABLATION_TABLES
    FIGURES += ABLATION_FIGURES
    CLAIMS += ["results/claims/figure5.csv"]


localrules:
    tables,
    figures,
    ablations,


rule tables:
    """Tables 1 and 2, Kendall tau, and each of the paper's numbers beside ours"""
    input:
        TABLES,


rule figures:
    """Every figure"""
    input:
        FIGURES,


rule ablations:
    """Figure 5, what else a score may depend on, and the components of its variance"""
    input:
        ABLATION_TABLES,
        ABLATION_FIGURES,
        "results/claims/figure5.csv",
