"""
Compare scores with each other, our results with the paper, and searches that use a score with REA.

REQUIRED INPUTS:
    results/joined/{space}/{images}/{score}/{seed}.parquet, for every score and every dataset's images
    results/seconds/{space}/{images}/{score}/{seed}.parquet, for the same
    results/kendall_tau.csv
    results/initialisations.csv, if initialisations.count is not 0
    results/search/{space}/{dataset}/{pool}/{method}.parquet, for every dataset, pool and method
    resources/published_table1.csv, published_table2.csv, published_kendall_tau.csv,
    published_rankings.csv

OUTPUTS:
    results/joined/{space}/{images}/{aggregate}/{seed}.parquet
    results/seconds/{space}/{images}/{aggregate}/{seed}.parquet
    results/score_comparison.csv, results/score_agreement.csv, results/score_top.csv
    results/leaderboard.csv
    results/paper_comparison.csv
    results/assistance.csv, .md
"""


rule combine_scores:
    """Several scores, put together by ranks"""
    input:
        joined=lambda wildcards: plan.members(paths.JOINED, wildcards),
        seconds=lambda wildcards: plan.members(paths.SECONDS, wildcards),
        code=inputs.code("combine_scores"),
    output:
        joined=paths.JOINED,
        seconds=paths.SECONDS,
    log:
        paths.log("combine_scores", paths.JOINED),
    benchmark:
        paths.timing("combine_scores", paths.JOINED)
    wildcard_constraints:
        score="|".join(plan.aggregates),
    conda:
        "../environment.yml"
    params:
        by=lambda wildcards: plan.aggregates[wildcards.score].by,
    message:
        "Putting the scores of {wildcards.score} together: {wildcards.space}, {wildcards.images}"
    script:
        "../scripts/combine_scores.py"


rule compare_scores:
    """Scores compared with each other"""
    input:
        joined=plan.every(paths.JOINED),
        seconds=plan.every(paths.SECONDS),
        correlations=paths.KENDALL_TAU,
        code=inputs.code("compare_scores"),
    output:
        comparison=paths.SCORE_COMPARISON,
        agreement=paths.SCORE_AGREEMENT,
        top=paths.SCORE_TOP,
    log:
        paths.log("compare_scores"),
    benchmark:
        paths.timing("compare_scores")
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _ in plan.scores for _, dataset in plan.runs],
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
    message:
        "Comparing scores"
    script:
        "../scripts/compare_scores.py"


rule make_leaderboard:
    """How well every score ranks, in one table"""
    input:
        joined=plan.every(paths.JOINED),
        seconds=plan.every(paths.SECONDS),
        top=paths.SCORE_TOP,
        published=[
            inputs.ours(f"resources/published_{name}.csv") for name in ("kendall_tau", "rankings")
        ],
        code=inputs.code("make_leaderboard"),
    output:
        paths.LEADERBOARD,
    log:
        paths.log("make_leaderboard"),
    benchmark:
        paths.timing("make_leaderboard")
    conda:
        "../environment.yml"
    params:
        datasets=[dataset for _ in plan.scores for _, dataset in plan.runs],
        resamples=config["bootstrap_resamples"],
        seed=plan.seed,
    message:
        "Making the leaderboard"
    script:
        "../scripts/make_leaderboard.py"


rule compare_with_paper:
    """Each number in the paper beside ours"""
    input:
        searches=plan.searches(*SEARCHED),
        correlations=paths.KENDALL_TAU,
        initialisations=[paths.INITIALISATIONS] if plan.initialised else [],
        published=[inputs.ours(f"resources/published_table{number}.csv") for number in (1, 2)],
        taus=inputs.ours("resources/published_kendall_tau.csv"),
        code=inputs.code("compare_with_paper"),
    output:
        paths.PAPER_COMPARISON,
    log:
        paths.log("compare_with_paper"),
    benchmark:
        paths.timing("compare_with_paper")
    conda:
        "../environment.yml"
    params:
        scoring={name: config[name] for name in SCORING},
        missing=plan.missing,
    message:
        "Comparing with the paper"
    script:
        "../scripts/compare_with_paper.py"


rule compare_with_rea:
    """Searches that use a score compared with REA, run by run"""
    input:
        searches=plan.compared_with_rea(),
        code=inputs.code("compare_with_rea"),
    output:
        csv=paths.ASSISTANCE,
        markdown=paths.with_ending(paths.ASSISTANCE, "md"),
    log:
        paths.log("compare_with_rea"),
    benchmark:
        paths.timing("compare_with_rea")
    conda:
        "../environment.yml"
    message:
        "Comparing searches that use a score with REA"
    script:
        "../scripts/compare_with_rea.py"
