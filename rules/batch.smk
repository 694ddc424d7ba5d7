"""
Draw the mini-batch that every network is shown.

REQUIRED INPUTS:
    nothing for photos and noise; files in the mirror or the folder of images for the others

OUTPUTS:
    results/batches/{images}/{seed}.npz
"""


rule batch:
    """A mini-batch of images"""
    input:
        files=lambda wildcards: image_files(wildcards.images),
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
        content=lambda wildcards: image_content(wildcards.images),
        directory=lambda wildcards: configuration.image_directory(config, wildcards.images),
    message:
        "Drawing a mini-batch of {wildcards.images}"
    script:
        "../scripts/batch.py"
