"""Where stages find what others made: the files that this configuration asks for. No rules."""


def joined(space, dataset, score=SCORES[0]):
    """Return the joined table that holds a score of a space on a dataset's images."""
    return f"results/joined/{space}/{IMAGES[dataset]}/{score}/{SEED}.parquet"


def seconds(space, dataset, score=SCORES[0]):
    """Return the table of what a score of a space took on a dataset's images."""
    return joined(space, dataset, score).replace("results/joined/", "results/seconds/")


def voters(kind, wildcards):
    """Return the joined tables, or the seconds, of all scores that vote."""
    return [
        f"results/{kind}/{wildcards.space}/{wildcards.images}/{score}/{wildcards.seed}.parquet"
        for score in config["vote"]
    ]


def shards(space, images, family):
    """Return the shards that a family's scoring of a space on an image source is cut into."""
    return configuration.shards_of(config, space, images, family)


def shard(wildcards):
    """Return the first and the last architecture of a shard."""
    bounds = shards(wildcards.space, wildcards.images, wildcards.family)
    return bounds[int(wildcards.shard)]


def searches(*spaces):
    """Return the results of all searches on `spaces`, for every dataset, pool and method.

    Where all architectures are scored, that pool is the whole space.
    """
    return [
        f"results/search/{space}/{dataset}/{pool}/{method}.parquet"
        for space, dataset in RUNS
        if space in spaces
        for pool, methods in METHODS.items()
        for method in methods
        if pool == "scored" or method in BUDGETED or sample_of(config["sample"], space) != "all"
    ]


def searched(space, dataset):
    """Return the dataset that searches under a budget train on."""
    return searched_on(space, dataset, [one for name, one in RUNS if name == space])


def assistance(space, dataset, method):
    """Return the scores and seconds of a search that uses scores, by name; nothing of others."""
    if BUDGETED[method].scores == "none":
        return {}
    on = searched(space, dataset)
    return {"joined": joined(space, on), "seconds": seconds(space, on)}


def costs(space, dataset, method):
    """Return what the scores of NASWOT's pool took, by name; nothing of methods without scores."""
    return {"seconds": seconds(space, dataset)} if method == "naswot" else {}


def pairs():
    """Return the results of REA and of the searches that use scores; none without either."""
    assisted = [one for one in config["methods"] if BUDGETED[one].scores != "none"]
    wanted = ["rea", *assisted] if assisted and "rea" in config["methods"] else []
    return [file for file in searches(*configuration.SEARCHED) if Path(file).stem in wanted]


def published():
    """Return whether the paper has a number of any space of this run."""
    printed = {*configuration.SEARCHED, *(space for space, _ in PANELS[3])}
    return any(space in printed for space, _ in RUNS)


def trajectories(*spaces):
    """Return the evaluations of all searches on `spaces`, for every dataset, pool and method."""
    return [file.replace("results/search/", "results/trajectories/") for file in searches(*spaces)]


def pool(space, dataset, name):
    """Return the table of architectures that searches draw from."""
    return joined(space, dataset) if name == "scored" else f"results/benchmarks/{space}.parquet"


def sample_sizes(method):
    """Return the sample sizes N of a search method."""
    return {"random": [1], **config["sample_sizes"]}[method]


def picked(networks):
    """Return the table that lists the networks of Figure 6 as a list; nothing for other trainings."""
    return ["results/training/figure6/networks.parquet"] if networks == "figure6" else []


def space_of(networks):
    """Return the space that builds the networks of a training."""
    return FIGURE6["space"] if networks == "figure6" else networks


def arch_of(networks, number):
    """Return the architecture to train, of a space of the user's own; None of Figure 6.

    A job depends on it and not on the list that it stands in, so that a longer list trains only
    what is new.
    """
    return None if networks == "figure6" else SPACES[networks].architectures()[int(number)]


def trainings(networks, count):
    """Return what the first `count` networks of a list were in training."""
    folder = f"results/training/{networks}/{TRAINING['images']}/{SEED}"
    return [f"{folder}/{number:04d}.parquet" for number in range(count)]


def ablated_at(*names):
    """Return the scores at all levels of ablations.

    Raises:
        WorkflowError: their space and dataset are no part of this run.
    """
    space, dataset = ABLATED
    if ABLATED not in RUNS:
        raise WorkflowError(
            f"ablations: {space} on {dataset} is no part of this run; set ablations.space and "
            f"ablations.dataset to one of: {', '.join(' on '.join(run) for run in RUNS)}."
        )
    levels = ablations.levels_of(config, IMAGES[dataset])
    return [
        f"results/ablations/{space}/{dataset}/{SEED}/{name}/{level}.parquet"
        for name in names
        for level in levels[name]
    ]
