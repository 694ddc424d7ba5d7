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
ABLATIONS = [
    "results/ablations/levels.csv",
    "results/variance_components.csv",
    "results/rank_stability.csv",
    *(f"results/figures/{view}.{format}" for view in ABLATION_VIEWS for format in ("png", "pdf")),
]
TRAINED = ["results/figures/figure6.png", "results/figures/figure6.pdf"]
# What the paper says of its figures in words.
CLAIMS = [
    *(["results/claims/figure1.csv"] if "naswot" in SCORES else []),
    "results/claims/figure2.csv",
]
UNMADE = {}  # what this configuration leaves out → why
if "naswot" not in SCORES:
    UNMADE["Figures 1 and 5"] = "they are about the score naswot, which is not among `scores`"
elif ABLATED not in RUNS:
    UNMADE["Figure 5 and the other ablations"] = (
        f"`ablations` asks for {' on '.join(ABLATED)}, which is no part of this run"
    )
else:
    TABLES += [file for file in ABLATIONS if file.endswith(".csv")]
    FIGURES += [file for file in ABLATIONS if not file.endswith(".csv")]
    CLAIMS.append("results/claims/figure5.csv")
if FIGURE6["space"] in [space for space, _ in RUNS]:
    FIGURES += TRAINED
    CLAIMS.append("results/claims/figure6.csv")
else:
    UNMADE["Figure 6"] = f"`figure6` asks for {FIGURE6['space']}, which is no part of this run"
PAPER = [f"table{number}" for number in (1, 2)] + [f"figure{number}" for number in range(1, 11)]


localrules:
    tables,
    figures,
    ablations,
    training,
    paper,


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
        ABLATIONS,
        "results/claims/figure5.csv",


rule training:
    """Figure 6: networks are trained, which takes minutes, or days as the paper does it"""
    input:
        TRAINED,
        "results/claims/figure6.csv",


rule paper:
    """What the paper shows: its tables and figures, and what became of its claims"""
    input:
        [file for file in TABLES + FIGURES if Path(file).stem in PAPER],
        "results/kendall_tau.csv",
        ["results/paper_comparison.csv"] if published() else [],
        "results/claims.csv",
