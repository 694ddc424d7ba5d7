"""
Name what a run can be asked for: `snakemake --list` reads as the table of contents.

REQUIRED INPUTS:
    everything that this configuration has data for

OUTPUTS:
    nothing of their own
"""


localrules:
    tables,
    figures,
    ablations,
    training,
    paper,


rule tables:
    """Tables 1 and 2, Kendall tau, and each of the paper's numbers beside ours"""
    input:
        plan.tables,


rule figures:
    """Every figure"""
    input:
        plan.figures,


rule ablations:
    """Figure 5, what else a score may depend on, and the components of its variance"""
    input:
        plan.ablation_files,
        paths.CLAIMS_OF.format(figure="figure5"),


rule training:
    """Figure 6: networks are trained, which takes minutes, or days as the paper does it"""
    input:
        plan.drawn(["figure6"]),
        paths.CLAIMS_OF.format(figure="figure6"),


rule paper:
    """What the paper shows: its tables and figures, and what became of its claims"""
    input:
        plan.paper,
