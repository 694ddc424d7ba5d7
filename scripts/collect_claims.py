"""Collect the paper's claims about its figures, and whether our results support them."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.claims import gather_claims

    gather_claims(snakemake.input.claims, snakemake.output[0])
