"""
Draw the mini-batch on which every network is scored.

REQUIRED INPUTS:
    nothing for photos and noise; files in the mirror or the image folder for other images

OUTPUTS:
    results/batches/{images}/{seed}.npz
"""


rule draw_batch:
    """A mini-batch of images"""
    input:
        files=lambda wildcards: inputs.image_files(wildcards.images),
        code=inputs.code("draw_batch"),
    output:
        paths.BATCH,
    log:
        paths.log("draw_batch", paths.BATCH),
    benchmark:
        paths.timing("draw_batch", paths.BATCH)
    conda:
        "../environment.yml"
    params:
        image_size=lambda wildcards: configuration.image_size(config, wildcards.images),
        batch_size=config["batch_size"],
        content=lambda wildcards: inputs.image_content(wildcards.images),
        directory=lambda wildcards: configuration.image_directory(config, wildcards.images),
    message:
        "Drawing a mini-batch of {wildcards.images}"
    script:
        "../scripts/draw_batch.py"
