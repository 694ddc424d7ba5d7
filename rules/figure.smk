"""
Draw figures. The registry of figures, naswot/plots/registry.py, lists the inputs of each figure.

REQUIRED INPUTS:
    tables, joined tables or kernels of this configuration; none for Figure 8

OUTPUTS:
    results/figures/{figure}.png and .pdf
    results/figures/scatter/{space}/{dataset}.png and .pdf: one space and dataset
"""


rule plot_figure:
    """Figures"""
    input:
        unpack(lambda wildcards: plan.figure_inputs(wildcards.figure)),
        code=lambda wildcards: inputs.code("plot_figure", figure=wildcards.figure),
    output:
        paths.partly(paths.FIGURE, format="png"),
        paths.partly(paths.FIGURE, format="pdf"),
    log:
        paths.log("plot_figure", paths.partly(paths.FIGURE, format="png")),
    benchmark:
        paths.timing("plot_figure", paths.partly(paths.FIGURE, format="png"))
    wildcard_constraints:
        figure=r"scatter/[\w-]+/\w+|" + "|".join(name for name in FIGURES if name != "scatter"),
    conda:
        "../environment.yml"
    params:
        name=lambda wildcards: wildcards.figure.partition("/")[0],
        settings=lambda wildcards: plan.figure_settings(wildcards.figure),
        titles=lambda wildcards: plan.titles(wildcards.figure),
    message:
        "Plotting {wildcards.figure}"
    script:
        "../scripts/plot_figure.py"
