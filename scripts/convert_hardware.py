"""Convert what architectures cost on devices to the project's form."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.benchmarks.hardware import convert_hardware

    convert_hardware(snakemake.params.mirror, snakemake.output[0])
