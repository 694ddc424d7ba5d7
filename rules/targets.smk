"""
Define the named targets of a run; `snakemake --list` shows them.

REQUIRED INPUTS:
    everything that this configuration has data for

OUTPUTS:
    none
"""


rule tables:
    """Tables 1 and 2, Kendall tau, and each number in the paper beside ours"""
    input:
        plan.tables,


rule figures:
    """Every figure"""
    input:
        plan.figures,


rule leaderboard:
    """How well every score ranks: table, page and picture; config/leaderboard.yaml is small"""
    input:
        plan.leaderboard,


rule search_study:
    """What a score finds under a limit of latency on devices; needs a mirror"""
    input:
        plan.search_study,


rule search_study_trained:
    """Whether networks that a score chooses train better than random ones; half an hour"""
    input:
        plan.search_study_trained,


rule weight_sharing:
    """Methods that share weights: RSPS, DARTS, GDAS, SETN, ENAS; an hour and a half of 4 cores"""
    input:
        plan.weight_sharing,


rule ablations:
    """Figure 5, further ablations of the score, and the components of its variance"""
    input:
        plan.ablation_files,
        paths.CLAIMS_OF.format(figure="figure5"),


rule training:
    """Figure 6: train networks, in minutes, or in days with the paper's settings"""
    input:
        plan.drawn(["figure6"]),
        paths.CLAIMS_OF.format(figure="figure6"),


rule paper:
    """The paper's tables and figures, and whether our results support its claims"""
    input:
        plan.paper,
