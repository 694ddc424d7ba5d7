"""Measure how far the accuracy that NASWOT finds depends on the initial weights."""

from naswot.workflow.job import job

with job(snakemake) as context:
    from naswot.stages.vary_initialisation import vary_initialisation

    again, count = list(snakemake.input.again), snakemake.params.initialisations
    vary_initialisation(
        [
            (dataset, joined, again[count * number : count * (number + 1)])
            for number, (dataset, joined) in enumerate(
                zip(snakemake.params.datasets, snakemake.input.joined, strict=True)
            )
        ],
        snakemake.output[0],
        sample_sizes=snakemake.params.sample_sizes,
        n_runs=snakemake.params.runs,
        seed=snakemake.params.seed,
        catalogue=context.catalogue,
    )
