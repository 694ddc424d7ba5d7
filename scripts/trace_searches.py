"""Trace what each search has found over time."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.anytime import trace_searches

    trace_searches(snakemake.input.trajectories, snakemake.input.benchmarks, snakemake.output[0])
