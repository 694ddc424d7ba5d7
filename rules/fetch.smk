"""
Fetch an official file from the mirror or its published address, and check it.

REQUIRED INPUTS:
    config/sources.yaml, which lists the files; {mirror}/{source} or the network

OUTPUTS:
    results/sources/{source}, with {source}.sha256 beside it if no checksum is published
"""


rule fetch_source:
    """One official file of config/sources.yaml"""
    input:
        sources=inputs.ours("config/sources.yaml"),
        code=inputs.code("fetch_source"),
    output:
        # Snakemake does not delete it before the job: an intact file is not fetched again.
        update(paths.SOURCE),
    log:
        paths.log("fetch_source", paths.SOURCE),
    benchmark:
        paths.timing("fetch_source", paths.SOURCE)
    wildcard_constraints:
        source="|".join(map(re.escape, inputs.official_files())),
    conda:
        "../environment.yml"
    params:
        mirror=config["mirror"],
    message:
        "Fetching {wildcards.source}"
    script:
        "../scripts/fetch_source.py"
