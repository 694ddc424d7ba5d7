"""Make the leaderboard of scores."""

from naswot.workflow.job import job

with job(snakemake):
    from naswot.analysis.leaderboard import make_leaderboard

    make_leaderboard(
        list(
            zip(
                snakemake.params.datasets,
                snakemake.input.joined,
                snakemake.input.seconds,
                strict=True,
            )
        ),
        snakemake.input.top,
        snakemake.input.published,
        snakemake.output[0],
        resamples=snakemake.params.resamples,
        seed=snakemake.params.seed,
    )
