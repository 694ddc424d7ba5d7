"""
Study searches under a limit of latency on devices: is a score worth it?

REQUIRED INPUTS:
    {mirror}/nasbench201_hardware.parquet or HW-NAS-Bench-v1_0.pickle, the costs of HW-NAS-Bench
    results/joined and results/seconds/{space}/{images}/{score}/{seed}.parquet of NAS-Bench-201, for
    every dataset and every score that searches use

OUTPUTS:
    results/hardware.parquet: latency and energy of every architecture on devices
    results/search_study.csv, .md
"""


rule convert_hardware:
    """Latency and energy on devices, from a mirror"""
    input:
        mirror=inputs.hardware_file(),
        code=inputs.code("convert_hardware"),
    output:
        paths.HARDWARE,
    log:
        paths.log("convert_hardware"),
    benchmark:
        paths.timing("convert_hardware")
    # A mirror without the file should end the run before anything is scored.
    priority: 1
    conda:
        "../environment.yml"
    params:
        mirror=config["mirror"],
        content=inputs.hardware_content(),
    message:
        "Converting latency and energy on devices"
    script:
        "../scripts/convert_hardware.py"


rule study_searches:
    """Searches under a limit of latency, by score and by size"""
    input:
        joined=[plan.joined(*part) for part in plan.studied],
        seconds=[plan.seconds(*part) for part in plan.studied],
        costs=paths.HARDWARE,
        code=inputs.code("study_searches"),
    output:
        csv=paths.SEARCH_STUDY,
        markdown=paths.with_ending(paths.SEARCH_STUDY, "md"),
    log:
        paths.log("study_searches"),
    benchmark:
        paths.timing("study_searches")
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _, dataset, _ in plan.studied],
        sample_sizes=plan.sample_sizes("naswot"),
        runs=config["n_runs"],
        seed=plan.seed,
    message:
        "Studying searches under a limit of latency"
    script:
        "../scripts/study_searches.py"
