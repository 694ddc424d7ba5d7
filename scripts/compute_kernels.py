"""Compute the kernels of networks sampled in bands of accuracy."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.kernels import compute_kernels

    compute_kernels(
        snakemake.input.joined,
        snakemake.input.sample,
        snakemake.input.batch,
        snakemake.output[0],
        space=context.catalogue[snakemake.wildcards.space].space,
        dataset=context.catalogue[snakemake.wildcards.space].datasets[snakemake.wildcards.dataset],
        bands=snakemake.params.bands,
        networks=snakemake.params.networks,
        device=snakemake.params.device,
    )
