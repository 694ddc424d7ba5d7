"""Collect the paper's claims about its figures, and whether our results support them."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.claims import collect_claims

    collect_claims(snakemake.input.claims, snakemake.output[0])
