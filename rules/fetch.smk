"""
Fetch an official file, from the mirror or from where it is published, and check it.

REQUIRED INPUTS:
    config/sources.yaml, which lists the files; {mirror}/{source} or the network

OUTPUTS:
    results/sources/{source}, with {source}.sha256 beside it where no checksum is published
"""


rule fetch:
    """One official file of config/sources.yaml"""
    input:
        sources=ours("config/sources.yaml"),
        code=code("fetch"),
    output:
        # Kept until the job has looked at it: an intact file is not fetched again.
        update("results/sources/{source}"),
    log:
        "logs/fetch/{source}.log",
    benchmark:
        "benchmarks/fetch/{source}.tsv"
    wildcard_constraints:
        source="|".join(map(re.escape, official_files())),
    conda:
        "../environment.yml"
    params:
        mirror=config["mirror"],
    message:
        "Fetching {wildcards.source}"
    script:
        "../scripts/fetch.py"
