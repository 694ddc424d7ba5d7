"""Find the linear regions of a small network, and check the claims of Figure 2."""

from naswot.workflow.job import job

with job(snakemake):
    from pathlib import Path

    from naswot.analysis.figure2 import find_linear_regions

    find_linear_regions(Path(snakemake.output.regions).parent, snakemake.output.claims)
