"""Compare searches that use a score with REA, run by run."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.assistance import write_assistance

    write_assistance(snakemake.input.searches, snakemake.output.csv, snakemake.output.markdown)
