"""Gather what the paper claims of its figures, and whether it was found."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.claims import gather_claims

    gather_claims(snakemake.input.claims, snakemake.output[0])
