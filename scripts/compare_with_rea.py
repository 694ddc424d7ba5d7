"""Compare searches that use a score with REA, run by run."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.assistance import compare_with_rea

    compare_with_rea(snakemake.input.searches, snakemake.output.csv, snakemake.output.markdown)
