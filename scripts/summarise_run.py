"""Answer what a newcomer asks of a run."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.reporting.questions import write_questions

    write_questions(snakemake.input.tables, snakemake.output[0])
