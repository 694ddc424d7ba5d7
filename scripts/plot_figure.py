"""Draw a figure."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.plots.writing import plot_figure

    inputs = {name: file for name, file in snakemake.input.items() if name != "code"}
    plot_figure(
        snakemake.params.name,
        inputs,
        snakemake.output,
        snakemake.params.settings,
        context.catalogue,
    )
