"""
Illustrate what needs no data: how ReLUs cut the input space, and what networks look like.

REQUIRED INPUTS:
    none

OUTPUTS:
    results/linear_regions/{regions,boundaries,inputs,kernels}.csv: a small network's regions
    results/claims/figure2.csv: what the paper says of them, and whether that was found
    results/figures/figure2.png and .pdf, results/figures/figure8.png and .pdf
"""


rule cut:
    """Linear regions of small networks, and the claims of Figure 2"""
    input:
        code=code("cut"),
    output:
        regions="results/linear_regions/regions.csv",
        boundaries="results/linear_regions/boundaries.csv",
        inputs="results/linear_regions/inputs.csv",
        kernels="results/linear_regions/kernels.csv",
        claims="results/claims/figure2.csv",
    log:
        "logs/cut.log",
    benchmark:
        "benchmarks/cut.tsv"
    conda:
        "../environment.yml"
    message:
        "Cutting the plane into linear regions"
    script:
        "../scripts/cut.py"


rule figure2:
    """Figure 2: binary codes and linear regions"""
    input:
        regions="results/linear_regions/regions.csv",
        boundaries="results/linear_regions/boundaries.csv",
        inputs="results/linear_regions/inputs.csv",
        kernels="results/linear_regions/kernels.csv",
        code=code("figure2"),
    output:
        "results/figures/figure2.png",
        "results/figures/figure2.pdf",
    log:
        "logs/figure2.log",
    benchmark:
        "benchmarks/figure2.tsv"
    conda:
        "../environment.yml"
    message:
        "Drawing Figure 2"
    script:
        "../scripts/figure2.py"


rule figure8:
    """Figure 8: cells and skeletons of the search spaces"""
    input:
        code=code("figure8"),
    output:
        "results/figures/figure8.png",
        "results/figures/figure8.pdf",
    log:
        "logs/figure8.log",
    benchmark:
        "benchmarks/figure8.tsv"
    conda:
        "../environment.yml"
    message:
        "Drawing Figure 8"
    script:
        "../scripts/figure8.py"
