"""Trace what each search has found over time."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.anytime import write_anytime

    write_anytime(snakemake.input.trajectories, snakemake.input.benchmarks, snakemake.output[0])
