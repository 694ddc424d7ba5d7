"""Sum up a run: main numbers, and answers to a newcomer's questions."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.reporting.questions import summarise_run

    summarise_run(snakemake.input.tables, *snakemake.output, catalogue=context.catalogue)
