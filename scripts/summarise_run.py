"""Answer a newcomer's questions about a run."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.reporting.questions import summarise_run

    summarise_run(snakemake.input.tables, snakemake.output[0])
