"""Draw networks within limits and score them."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.stages.draw_candidates import draw_candidates

    draw_candidates(
        snakemake.input.batch,
        snakemake.output[0],
        **snakemake.params.about,
        members=snakemake.params.members,
        by=snakemake.params.by,
        seed=snakemake.params.seed,
        precision=snakemake.params.precision,
        device=snakemake.params.device,
    )
