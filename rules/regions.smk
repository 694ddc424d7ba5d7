"""
Find the linear regions into which the ReLUs of a small network divide the plane: Figure 2.

REQUIRED INPUTS:
    none

OUTPUTS:
    results/linear_regions/{regions,boundaries,inputs,kernels}.csv: a small network's regions
    results/claims/figure2.csv: the paper's claims, and whether our results support them
"""


rule find_linear_regions:
    """Linear regions of small networks, and the claims of Figure 2"""
    input:
        code=inputs.code("find_linear_regions"),
    output:
        regions=paths.REGIONS,
        boundaries=paths.BOUNDARIES,
        inputs=paths.INPUTS,
        kernels=paths.INPUT_KERNELS,
        claims=paths.CLAIMS_OF.format(figure="figure2"),
    log:
        paths.log("find_linear_regions"),
    benchmark:
        paths.timing("find_linear_regions")
    conda:
        "../environment.yml"
    message:
        "Finding the linear regions of a small network"
    script:
        "../scripts/find_linear_regions.py"
