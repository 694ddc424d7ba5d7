"""
Draw the mini-batch that every network is shown.

REQUIRED INPUTS:
    nothing for photos and noise; images/{images}.npz or the official files in the mirror for the others

OUTPUTS:
    results/batches/{images}/{seed}.npz
"""


rule batch:
    input:
        mirror=lambda wildcards: image_file(wildcards.images),
        code=code("batch"),
    output:
        "results/batches/{images}/{seed}.npz",
    log:
        "logs/batch/{images}/{seed}.log",
    benchmark:
        "benchmarks/batch/{images}/{seed}.tsv"
    conda:
        "../environment.yml"
    params:
        image_size=lambda wildcards: configuration.image_size(config, wildcards.images),
        batch_size=config["batch_size"],
        mirror=lambda wildcards: config["mirror"] if image_file(wildcards.images) else None,
    message:
        "Drawing a mini-batch of {wildcards.images}"
    script:
        "../scripts/batch.py"
