"""List the files that a configuration asks for, and the files of other rules they are made from."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from naswot.benchmarks import hardware
from naswot.benchmarks.catalogue import Catalogue
from naswot.costs.limits import Limits
from naswot.errors import NaswotError
from naswot.plots.registry import (
    FIGURES,
    OF_ABLATIONS,
    OF_SCORES,
    PANELS,
    kernel_runs,
    panels_of,
    wanted,
)
from naswot.scores import members_of
from naswot.scores.custom import family_named
from naswot.search import METHODS
from naswot.search.sampling import SAMPLINGS
from naswot.spaces.sampling import sample_of
from naswot.supernet import SPACE as SHARED_SPACE
from naswot.workflow import ablations, paths, trained_study, weight_sharing
from naswot.workflow.config import (
    SEARCHED,
    aggregates_of,
    images_of,
    images_trained_on,
    known_scores,
    missing_spaces,
    runs_of,
    scores_of,
    shards_of,
)

FORMATS = ("png", "pdf")
# Settings of scoring that may differ from the paper's.
SCORING = ("batch_size", "image_size", "precision", "relu_count", "deduplicate")
# Rules that run once.
SINGLE = (
    "correlate_scores",
    "compare_scores",
    "make_leaderboard",
    "compare_with_paper",
    "compare_with_rea",
    "trace_searches",
    "write_table1",
    "write_table2",
    "find_linear_regions",
    "measure_similarity",
    "summarise_ablations",
    "estimate_variance",
    "track_score",
)


class Plan:
    """The files that a configuration asks for.

    Args:
        config: a configuration that passed `naswot.workflow.config.check`.
        catalogue: the search spaces that `check` returned.

    Attributes:
        scores, seed: as in the configuration; "all" scores are a list of names.
        search_scores: the scores that searches use; the first is that of the pool "scored".
        aggregates: name → scores that are put together.
        known: score that may be computed → its family.
        runs: pairs of space and dataset.
        missing: space → what is missing, for each space without data.
        images: dataset → image source.
        ablated: space and dataset of the ablations.
        methods: pool → the searches that draw from it: the architectures that are "scored", the
            "whole" space, and for each further score, by its name, those that use it.
        gpus: GPUs per job that scores or trains. On a cluster, device `auto` requests none; to
            get GPUs, set device to `cuda`.
    """

    def __init__(self, config: Mapping[str, Any], catalogue: Catalogue):
        self.config, self.catalogue = config, catalogue
        self.scores, self.seed = scores_of(config), config["seed"]
        self.search_scores = config["search_scores"] or self.scores[:1]
        self.aggregates, self.known = aggregates_of(config), known_scores(config)
        self.runs = runs_of(config, catalogue)
        self.missing = missing_spaces(config, catalogue)
        self.images = images_of(config)
        self.ablated = config["ablations"]["space"], config["ablations"]["dataset"]
        self.methods = {
            "scored": list(SAMPLINGS),
            "whole": [name for name, method in SAMPLINGS.items() if not method.scored]
            + config["methods"],
        }
        guided = [name for name in SAMPLINGS if SAMPLINGS[name].scored]
        guided += [name for name in config["methods"] if METHODS[name].scores != "none"]
        self.methods |= dict.fromkeys(self.search_scores[1:], guided)
        self.gpus = int(config["device"].startswith("cuda"))

    def titles(self, figure: str = "") -> list[str]:
        """Return the titles of the spaces of a figure, which may be custom; of all by default."""
        name, *run = figure.split("/")
        spaces: list[str] = []
        if name in ("", "figure1", *OF_SCORES):
            spaces = self.config["spaces"]
        elif name in OF_ABLATIONS:
            spaces = [self.ablated[0]]
        elif name == "figure6":
            spaces = [self.space_of(name)]
        elif name == "scatter":
            spaces = run[:1]
        return [self.catalogue[space].space.title for space in spaces]

    # Scores.

    def option(self, name: str, family: str) -> Any:
        """Return a setting of a score family; None if the family does not have it."""
        return self.config[name] if family_named(family).options else None

    def bounds(self, space: str, images: str, family: str) -> list[tuple[int, int]]:
        """Return the range (first, last) of each shard of a family's scores, without `last`."""
        return shards_of(self.config, space, images, family, self.catalogue)

    def shards(self, space: str, images: str, score: str) -> list[str]:
        """Return the shards that hold a score of a space on an image source."""
        family = self.known[score].name
        return [
            paths.SHARD.format(
                space=space, images=images, family=family, seed=self.seed, shard=f"{number:04d}"
            )
            for number, _ in enumerate(self.bounds(space, images, family))
        ]

    def joined(self, space: str, dataset: str, score: str | None = None) -> str:
        """Return the joined table of a score (default: the first) on a dataset's images."""
        return self._of_score(paths.JOINED, space, dataset, score)

    def seconds(self, space: str, dataset: str, score: str) -> str:
        """Return the table of a score's measured seconds on a dataset's images."""
        return self._of_score(paths.SECONDS, space, dataset, score)

    def _of_score(self, path: str, space: str, dataset: str, score: str | None = None) -> str:
        images, score = self.images[dataset], score or self.scores[0]
        return path.format(space=space, images=images, score=score, seed=self.seed)

    def every(self, path: str) -> list[str]:
        """Return `path` (`paths.JOINED` or `paths.SECONDS`) for every score, space and dataset."""
        return [self._of_score(path, *run, score) for score in self.scores for run in self.runs]

    def members(self, path: str, wildcards: Any) -> list[str]:
        """Return `path` for each member of the aggregate `wildcards.score`."""
        known, members = dict(wildcards.items()), self.aggregates[wildcards.score].scores
        return [path.format(**known | {"score": score}) for score in members]

    @property
    def kernels(self) -> list[str]:
        """The kernels of Figure 1."""
        return [
            paths.KERNELS.format(space=space, dataset=dataset, seed=self.seed)
            for space, dataset in kernel_runs(self.runs)
        ]

    # Searches.

    def searches(self, *spaces: str, path: str = paths.SEARCH) -> list[str]:
        """Return the results of all searches on `spaces`, for every dataset, pool and method.

        If all architectures are scored, the pool of scored architectures is the whole space, and
        its searches are not repeated. `path` may also be `paths.TRAJECTORIES`.
        """
        sharing = self.config["supernet"]["tables"] and path == paths.SEARCH
        shared = self.looked_up if sharing and SHARED_SPACE in spaces else []
        return shared + [
            path.format(space=space, dataset=dataset, pool=pool, method=method)
            for space, dataset in self.runs
            if space in spaces
            for pool, methods in self.methods.items()
            for method in methods
            if pool != "whole"
            or method in METHODS
            or sample_of(self.config["sample"], space) != "all"
        ]

    def trajectories(self, *spaces: str) -> list[str]:
        """Return the trajectories of all searches; arguments as `searches`."""
        return self.searches(*spaces, path=paths.TRAJECTORIES)

    def searched(self, space: str, dataset: str) -> str:
        """Return the dataset that searches under a budget train on."""
        datasets = [name for searched, name in self.runs if searched == space]
        return self.catalogue[space].datasets[dataset].searched_on(datasets)

    def score_of(self, pool: str) -> str:
        """Return the score of searches in a pool, if they use one."""
        return pool if pool in self.search_scores[1:] else self.search_scores[0]

    def scored(self, space: str, dataset: str, pool: str, method: str) -> dict[str, str]:
        """Return the scores and seconds for a search, by name; {} if it uses no scores."""
        if METHODS[method].scores == "none":
            return {}
        about = space, self.searched(space, dataset), self.score_of(pool)
        return {"joined": self.joined(*about), "seconds": self.seconds(*about)}

    def sampling_seconds(self, space: str, dataset: str, pool: str, method: str) -> dict[str, str]:
        """Return the measured seconds of NASWOT's scores; {} for methods without scores."""
        if not SAMPLINGS[method].scored:
            return {}
        return {"seconds": self.seconds(space, dataset, self.score_of(pool))}

    def pool(self, space: str, dataset: str, pool: str) -> str:
        """Return the table of architectures that searches draw from."""
        if pool == "whole":
            return paths.BENCHMARK.format(space=space)
        return self.joined(space, dataset, self.score_of(pool))

    def sample_sizes(self, method: str) -> list[int]:
        """Return the sample sizes N of a search method."""
        sizes = SAMPLINGS[method].sizes
        return self.config["sample_sizes"][method] if sizes is None else list(sizes)

    @property
    def initialised(self) -> list[tuple[str, str]]:
        """The runs whose best networks are scored again with other initial weights.

        Of spaces that are scored in full: otherwise the chance of the sample comes first.
        """
        if not self.config["initialisations"]["count"] or "naswot" not in self.search_scores:
            return []
        sample = self.config["sample"]
        return [
            run for run in self.runs if run[0] in SEARCHED and sample_of(sample, run[0]) == "all"
        ]

    @property
    def scored_again(self) -> list[str]:
        """The scores with other initial weights: for each of `initialised`, all of its own."""
        return [
            paths.SCORED_AGAIN.format(
                space=space, images=self.images[dataset], seed=self.seed, initialisation=number
            )
            for space, dataset in self.initialised
            for number in range(1, self.config["initialisations"]["count"] + 1)
        ]

    def compared_with_rea(self) -> list[str]:
        """Return the results of REA and of searches that use scores; [] unless both are there."""
        methods = self.config["methods"]
        assisted = [method for method in methods if METHODS[method].scores != "none"]
        compared = ["rea", *assisted] if assisted and "rea" in methods else []
        return [file for file in self.searches(*SEARCHED) if Path(file).stem in compared]

    @cached_property
    def sharing(self) -> dict[str, dict[str, Any]]:
        """The searches with shared weights: name → method and changes of its protocol."""
        return weight_sharing.searches(self.config)

    @property
    def looked_up(self) -> list[str]:
        """What these searches found, in the benchmark table, for each dataset."""
        return [
            paths.SEARCH.format(space=space, dataset=dataset, pool="whole", method=search)
            for space, dataset in self.runs
            if space == SHARED_SPACE
            for search in self.sharing
        ]

    def shared(self, *searches: str, path: str = paths.SHARED) -> list[str]:
        """Return the results of searches with shared weights, one for each seed."""
        count = self.config["supernet"]["runs"]
        seeds = range(self.seed, self.seed + count)
        return [path.format(search=search, seed=seed) for search in searches for seed in seeds]

    @property
    def weight_sharing(self) -> list[str]:
        """Searches with shared weights: tables, page and figure."""
        tables = [paths.WEIGHT_SHARING, paths.with_ending(paths.WEIGHT_SHARING, "md")]
        return [*tables, *self.looked_up, *self.drawn(["weight_sharing"])]

    @property
    def studied(self) -> list[tuple[str, str, str]]:
        """Space, data set and score of each part of the study under a limit of latency."""
        runs = [run for run in self.runs if run[0] == hardware.SPACE]
        return [(*run, score) for score in self.search_scores for run in runs]

    # Training.

    def picked(self, networks: str) -> list[str]:
        """Return the table that lists the networks of Figure 6; nothing for other trainings."""
        return [paths.FIGURE6_NETWORKS] if networks == "figure6" else []

    def space_of(self, networks: str) -> str:
        """Return the space that builds the networks of a training."""
        return self.config["figure6"]["space"] if networks == "figure6" else networks

    def arch_of(self, networks: str, number: int) -> str | None:
        """Return the architecture to train for a custom space; None for Figure 6.

        A job depends on its architecture, not on the whole list, so a longer list trains only the
        new networks.
        """
        if networks == "figure6":
            return None
        architectures: Any = self.catalogue[networks].space.architectures
        return architectures()[number]

    def trainings(self, networks: str) -> list[str]:
        """Return the training results of the networks of a list."""
        count: Any = (
            self.catalogue[networks].space.size
            if networks != "figure6"
            else (self.config["figure6"]["networks"])
        )
        images = self.config["training"]["images"]
        return [
            paths.TRAINING.format(
                networks=networks, images=images, seed=self.seed, number=f"{number:04d}"
            )
            for number in range(count)
        ]

    @property
    def trains_figure6(self) -> bool:
        """Whether this run includes the space of Figure 6."""
        return self.config["figure6"]["space"] in [space for space, _ in self.runs]

    # Ablations.

    def ablation_levels(self, *names: str) -> list[str]:
        """Return the scores at all levels of ablations.

        Raises:
            NaswotError: their space and dataset are not part of this run.
        """
        space, dataset = self.ablated
        if self.ablated not in self.runs:
            raise NaswotError(
                f"ablations: {space} on {dataset} is not part of this run; set ablations.space and "
                f"ablations.dataset to one of: {', '.join(' on '.join(run) for run in self.runs)}."
            )
        levels = ablations.levels_of(self.config, self.images[dataset])
        return [
            paths.ABLATION.format(
                space=space, dataset=dataset, seed=self.seed, ablation=name, level=level
            )
            for name in names
            for level in levels[name]
        ]

    @property
    def ablates(self) -> bool:
        """Whether this run includes the score, space and dataset of the ablations."""
        return "naswot" in self.scores and self.ablated in self.runs

    # Figures and tables.

    def figure_inputs(self, figure: str) -> dict[str, str | list[str]]:
        """Return argument → the file or files that a figure is drawn from."""
        name, *run = figure.split("/")
        files: dict[str, str | list[str]] = {**paths.CSV, "figure6_scores": paths.FIGURE6_SCORES}
        files["kernels"] = self.kernels
        if name == "scatter":
            files["joined"] = self.joined(*run)
        elif name in PANELS:
            files["joined"] = [self.joined(*pair) for pair in panels_of(name, self.runs).values()]
        return {argument: files[file] for argument, file in FIGURES[name].inputs.items()}

    def figure_settings(self, figure: str) -> dict[str, Any]:
        """Return the other arguments of a figure's function."""
        name, *run = figure.split("/")
        if name == "scatter":
            return {"dataset": run[1]}
        if name == "search_study_trained":
            about = self.config[name]
            images = images_trained_on(self.config, about["images"])
            limits = Limits(about["limits"]).text
            return {"score": about["score"], "limits": limits, "images": images}
        if name == "figure1":
            return {"shown": self.config["kernels"]["shown"]}
        if name in PANELS:
            return {
                "figure": name,
                "letters": panels_of(name, self.runs),
                "missing": list(self.missing),
            }
        return {}

    def drawn(self, names: Sequence[str]) -> list[str]:
        """Return the files of figures."""
        return [paths.FIGURE.format(figure=name, format=f) for name in names for f in FORMATS]

    @cached_property
    def figures(self) -> list[str]:
        """The figures of this run."""
        return self.drawn(
            [
                *(["figure1"] if "naswot" in self.scores else ()),
                "figure2",
                "figure8",
                *(name for name in PANELS if wanted(name, self.config["spaces"])),
                *(f"scatter/{space}/{dataset}" for space, dataset in self.runs),
                *(OF_SCORES if len(self.scores) > 1 else ()),
                *(["figure7"] if self.searches("nasbench201") else ()),
                *(["anytime"] if self.searches(*SEARCHED) else ()),
                *(OF_ABLATIONS if self.ablates else ()),
                *(["figure6"] if self.trains_figure6 else ()),
            ]
        )

    @cached_property
    def tables(self) -> list[str]:
        """The tables of this run."""
        several, naswot = len(self.scores) > 1, "naswot" in self.scores
        tables = {
            "kendall_tau": True,
            "kernel_similarity": naswot,
            "table1": self.searches("nasbench101"),
            "table2": self.searches("nasbench201", "natsbench_sss"),
            "score_comparison": several,
            "score_top": several,
            "leaderboard": several,
            "initialisations": self.initialised,
            "paper_comparison": self.is_published,
            "assistance": self.compared_with_rea(),
            "levels": self.ablates,
            "variance_components": self.ablates,
            "rank_stability": self.ablates,
        }
        return [paths.CSV[name] for name, asked in tables.items() if asked]

    @property
    def ablation_files(self) -> list[str]:
        """The tables and figures of the ablations."""
        names = ("levels", "variance_components", "rank_stability")
        return [*(paths.CSV[name] for name in names), *self.drawn(OF_ABLATIONS)]

    @property
    def leaderboard(self) -> list[str]:
        """The leaderboard: table, page and picture."""
        page = paths.TABLE_PAGE.format(table="leaderboard")
        return [paths.LEADERBOARD, page, *self.drawn(["leaderboard"])]

    @property
    def search_study(self) -> list[str]:
        """The study under a limit of latency: table, summary and figure."""
        summary = paths.with_ending(paths.SEARCH_STUDY, "md")
        return [paths.SEARCH_STUDY, summary, *self.drawn(["search_study"])]

    @property
    def study_trainings(self) -> list[str]:
        """The trainings of the study of trained networks."""
        count = trained_study.jobs(self.config)
        return [paths.STUDY_TRAINING.format(number=f"{number:04d}") for number in range(count)]

    @property
    def search_study_trained(self) -> list[str]:
        """The study of trained networks: tables, page and figure."""
        csv = paths.SEARCH_STUDY_TRAINED
        tables = [csv, paths.SEARCH_STUDY_TRAINED_SUMMARY, paths.with_ending(csv, "md")]
        return [*tables, *self.drawn(["search_study_trained"])]

    @property
    def is_published(self) -> bool:
        """Whether the paper publishes a number for any space of this run."""
        printed = {*SEARCHED, *(space for space, _ in PANELS["figure3"])}
        return any(space in printed for space, _ in self.runs)

    @property
    def claims(self) -> list[str]:
        """The tables of the paper's claims about the figures of this run."""
        made = {
            "figure1": "naswot" in self.scores,
            "figure2": True,
            "figure5": self.ablates,
            "figure6": self.trains_figure6,
        }
        return [paths.CLAIMS_OF.format(figure=name) for name, asked in made.items() if asked]

    @property
    def omitted(self) -> dict[str, str]:
        """Figures that this configuration leaves out → the reason."""
        omitted = {}
        if "naswot" not in self.scores:
            omitted["Figures 1 and 5"] = (
                "they are about the score naswot, which is not among `scores`"
            )
        elif self.ablated not in self.runs:
            omitted["Figure 5 and the other ablations"] = (
                f"`ablations` asks for {' on '.join(self.ablated)}, which is not part of this run"
            )
        if not self.trains_figure6:
            space = self.config["figure6"]["space"]
            omitted["Figure 6"] = f"`figure6` asks for {space}, which is not part of this run"
        return omitted

    @property
    def paper(self) -> list[str]:
        """The paper's tables and figures that this run makes."""
        printed = {f"table{number}" for number in (1, 2)} | {f"figure{n}" for n in range(1, 11)}
        made = [file for file in self.tables + self.figures if Path(file).stem in printed]
        made += [paths.KENDALL_TAU, *([paths.PAPER_COMPARISON] if self.is_published else [])]
        return [*made, paths.CLAIMS]

    # The report.

    @property
    def pictures(self) -> list[str]:
        """The figures that a report shows."""
        return [file for file in self.figures if file.endswith(".png")]

    @property
    def report_tables(self) -> list[str]:
        """The names of the tables that a report shows."""
        return [
            *(Path(file).stem for file in self.tables),
            "claims",
            "run",
            "run_times",
            "questions",
        ]

    @property
    def rendered(self) -> list[str]:
        """The tables whose pages the rule `render_tables` makes; the leaderboard has its own."""
        return [name for name in self.report_tables if name != "leaderboard"]

    @property
    def captioned(self) -> list[str]:
        """The tables and figures whose captions the rule `write_captions` writes."""
        return [*self.rendered, *(n for n in map(item_of, self.pictures) if n != "leaderboard")]

    def csv_of(self, *names: str) -> list[str]:
        """Return the tables by their names (default: all that a report shows)."""
        return [paths.CSV[name] for name in names or self.report_tables]

    def captions(self, *names: str) -> list[str]:
        """Return the captions of tables and figures by their names (default: of all)."""
        names = names or (*self.report_tables, *map(item_of, self.pictures))
        return [paths.CAPTION.format(item=name) for name in dict.fromkeys(names)]

    @property
    def everything(self) -> list[str]:
        """All tables and figures, and the pages that show them."""
        pages = [paths.TABLE_PAGE.format(table=name) for name in self.report_tables]
        return [*self.tables, *self.figures, paths.INDEX, *pages]

    def timings(self) -> list[str]:
        """Return the files to which Snakemake writes the run times of this run's main jobs."""
        times = (
            paths.timing(rule, path).format(**paths.matched(path, file))
            for rule, path, files in self._work()
            for file in files
        )
        return list(dict.fromkeys([*times, *map(paths.timing, SINGLE)]))

    def _work(self) -> Iterator[tuple[str, str, list[str]]]:
        """Yield rule, path template and files of each rule whose run time is reported."""
        if "naswot" in self.scores:
            yield "compute_kernels", paths.KERNELS, self.kernels
        if self.ablates:
            levels = self.ablation_levels(*ablations.ABLATIONS)
            yield "score_ablation", paths.ABLATION, levels
        if self.trains_figure6:
            yield "train_network", paths.TRAINING, self.trainings("figure6")
        for space, dataset in self.runs:
            known = {"space": space, "images": self.images[dataset], "seed": self.seed}
            for rule, path in (
                ("convert_benchmark", paths.BENCHMARK),
                ("sample_architectures", paths.ARCHITECTURES),
                ("draw_batch", paths.BATCH),
                ("find_neighbours", paths.NEIGHBOURS),
            ):
                yield rule, path, [path.format(**known)]
            for score in dict.fromkeys([*self.scores, *members_of(self.scores, self.aggregates)]):
                rule = "combine_scores" if score in self.aggregates else "join_accuracies"
                yield rule, paths.JOINED, [self.joined(space, dataset, score)]
            if self.catalogue[space].sources[0].made:
                yield "collect_trained", paths.TRAINED, [paths.TRAINED.format(space=space)]
                yield "train_network", paths.TRAINING, self.trainings(space)
            scores = members_of(self.scores, self.aggregates)
            for score in {self.known[score]: score for score in scores}.values():
                yield "score_networks", paths.SHARD, self.shards(space, self.images[dataset], score)
        for file in self.searches(*SEARCHED):
            if Path(file).stem in METHODS:
                yield "search_under_budget", paths.SEARCH, [file]
            else:
                yield "search_by_sampling", paths.SEARCH, [file]


def item_of(file: str) -> str:
    """Return the name of a table or figure in the table of contents."""
    return "scatter" if "/scatter/" in file else Path(file).stem
