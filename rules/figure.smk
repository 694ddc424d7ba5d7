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
        "logs/plot_figure/{figure}.log",
    benchmark:
        "timings/plot_figure/{figure}.tsv"
    wildcard_constraints:
        figure=r"scatter/[\w-]+/\w+|" + "|".join(FIGURES),
    conda:
        "../environment.yml"
    params:
        name=lambda wildcards: wildcards.figure.partition("/")[0],
        settings=lambda wildcards: plan.figure_settings(wildcards.figure),
        titles=plan.titles,
    message:
        "Plotting {wildcards.figure}"
    script:
        "../scripts/plot_figure.py"
