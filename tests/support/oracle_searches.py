"""Naive searches, one run at a time, as described in their papers: slow, and easy to check by eye.

An exception ends a search when the budget is spent. Random numbers in [0, 1) come one by one from
the run's generator, in the natural order of the method.
"""

import math
import statistics
from collections import deque

import numpy as np


class OverError(Exception):
    """The budget is spent, or all is known."""


class Run:
    """What one run may do: draw numbers, train, score, and pay for it."""

    def __init__(self, table, budget, seed, settings, remember):
        self.table, self.budget, self.settings = table, budget, settings
        self.generator = np.random.default_rng(seed)
        self.rungs, self.size = table.fitness.shape
        self.spent, self.log = 0.0, []
        self.remember, self.known, self.idle = remember, {}, 0

    def number(self):
        return self.generator.random()

    def below(self, bound):
        return int(self.number() * bound)

    def neighbours(self, arch):
        return [int(one) for one in self.table.neighbours[arch] if one >= 0]

    def mutate(self, arch):
        found, number = self.neighbours(arch), self.number()
        return found[int(number * len(found))] if found else int(number * self.size)

    def pay(self, seconds):
        if self.spent + seconds > self.budget:
            raise OverError
        self.spent += seconds

    def train(self, arch, rung=None):
        """Return the architecture that was trained and its fitness."""
        rung = self.rungs - 1 if rung is None else rung
        if self.remember:
            arch = self._or_something_new(arch, rung)
            if (rung, arch) in self.known:
                return arch, self.known[rung, arch]
        cost, fitness = self.table.cost[rung, arch], self.table.fitness[rung, arch]
        over = self.spent + cost > self.budget
        if over and self.settings.overrun == "discard":
            raise OverError
        self.spent += cost
        self.known[rung, arch] = fitness
        self.log.append((self.spent, arch, rung, fitness))
        if over:
            raise OverError
        last = self.rungs - 1
        if self.remember and all((last, other) in self.known for other in range(self.size)):
            raise OverError
        return arch, fitness

    def _or_something_new(self, arch, rung):
        self.idle = self.idle + 1 if (rung, arch) in self.known else 0
        if self.idle > 100:
            number = self.number()
            unknown = [other for other in range(self.size) if (rung, other) not in self.known]
            if unknown:
                self.idle = 0
                return unknown[int(number * len(unknown))]
        return arch

    def chosen(self):
        """Return the best architecture trained: the longest training first, then the fitness."""
        best = None
        for _, arch, rung, fitness in self.log:
            if best is None or (rung, fitness) > best[:2]:
                best = rung, fitness, arch
        return best


def rs(run):
    while True:
        run.train(run.below(run.size))


def rea(run):
    first = [run.below(run.size) for _ in range(run.settings.population)]
    _evolve(run, first, run.mutate)


def area(run):
    _evolve(run, _best_scored(run, run.settings.area_sample), run.mutate)


def warm_up(run):
    _evolve(run, _best_scored(run, run.settings.warm_up_sample), run.mutate)


def move_proposal(run):
    first = [run.below(run.size) for _ in range(run.settings.population)]

    def propose(parent):
        moves = [run.mutate(parent) for _ in range(run.settings.proposals)]
        run.pay(np.array([run.table.scoring[move] for move in moves]).sum())
        values = _compared(run.table, moves)
        return moves[max(range(len(moves)), key=lambda place: _comparable(values[place]))]

    _evolve(run, first, propose)


def _evolve(run, first, propose):
    population = deque()
    for arch in first:
        population.append(run.train(arch))
    while True:
        tournament = [
            population[run.below(len(population))] for _ in range(run.settings.tournament)
        ]
        parent, _ = max(tournament, key=lambda member: member[1])
        population.append(run.train(propose(parent)))
        population.popleft()


def _best_scored(run, sample):
    scored = [arch for arch in range(run.size) if not math.isnan(run.table.scores[arch])]
    keep = run.settings.population
    drawn = [scored[run.below(len(scored))] for _ in range(max(sample, keep))]
    again = [arch in drawn[:place] for place, arch in enumerate(drawn)]
    run.pay(sum(run.table.scoring[arch] for arch in set(drawn)))
    values = _compared(run.table, drawn)
    ranked = sorted(range(len(drawn)), key=lambda place: (again[place], -values[place]))
    return [drawn[place] for place in sorted(ranked[:keep])]


def _compared(table, drawn):
    """Return the scores of `drawn`; those of an aggregate by log-rank are ranked among `drawn`."""
    if table.members is None:
        return [table.scores[arch] for arch in drawn]
    values = []
    for arch in drawn:
        value = 0.0
        for member in table.members.T:
            lower = sum(member[other] < member[arch] for other in drawn)
            equal = sum(member[other] == member[arch] for other in drawn)
            value += math.log((lower + (equal + 1) / 2) / len(drawn))
        values.append(value)
    return values


def _comparable(score):
    return -math.inf if math.isnan(score) else score


def local_search(run):
    width = run.table.neighbours.shape[1]

    def shuffled(arch):
        numbers = [run.number() for _ in range(width)]
        found = run.neighbours(arch)
        return [found[place] for place in sorted(range(len(found)), key=numbers.__getitem__)]

    while True:
        current, best = run.train(run.below(run.size))
        untried = shuffled(current)
        while untried:
            arch, fitness = run.train(untried.pop(0))
            if fitness > best:
                current, best = arch, fitness
                untried = shuffled(current)


def reinforce(run):
    choices, find = _choices(run.table.genes)
    logits = [np.zeros(count) for count in choices]
    mean, square = ([np.zeros(count) for count in choices] for _ in range(2))
    total = weight = 0.0
    step = 0
    while True:
        policy = []
        for row in logits:
            exponentials = np.exp(row - row.max())
            policy.append(exponentials / exponentials.sum())
        genes = []
        for probabilities in policy:
            number, below, choice = run.number(), probabilities[0], 0
            while below <= number and choice < len(probabilities) - 1:
                choice += 1
                below += probabilities[choice]
            genes.append(choice)
        arch, reward = run.train(find[tuple(genes)])
        step += 1
        total = 0.9 * total + (1 - 0.9) * reward
        weight = 0.9 * weight + (1 - 0.9)
        advantage = reward - total / weight
        for gene, choice in enumerate(run.table.genes[arch]):
            for other in range(choices[gene]):
                gradient = advantage * (policy[gene][other] - (other == choice))
                mean[gene][other] = 0.9 * mean[gene][other] + (1 - 0.9) * gradient
                square[gene][other] = 0.999 * square[gene][other] + (1 - 0.999) * gradient**2
                rate = run.settings.learning_rate / (1 - 0.9**step)
                deviation = np.sqrt(square[gene][other] / (1 - 0.999**step))
                logits[gene][other] -= rate * mean[gene][other] / (deviation + 1e-8)


def bohb(run):
    choices, find = _choices(run.table.genes)
    seen = [[] for _ in range(run.rungs)]

    def train(arch, rung):
        arch, fitness = run.train(arch, rung)
        seen[rung].append((arch, fitness))
        return arch, fitness

    bracket = 0
    while True:
        lowest = bracket % run.rungs
        bracket += 1
        rungs = run.rungs - lowest
        first = (run.rungs // rungs) * 3 ** (rungs - 1)
        entered = [train(find[tuple(_propose(run, choices, seen))], lowest) for _ in range(first)]
        for rung in range(1, rungs):
            best = sorted(entered, key=lambda one: -one[1])[: max(first // 3**rung, 1)]
            entered = [train(arch, lowest + rung) for arch, _ in best]


def _propose(run, choices, seen):
    number = len(choices)
    for rung in reversed(range(run.rungs)):
        ranked = sorted(seen[rung], key=lambda one: -one[1])
        good = max(number + 1, 15 * len(ranked) // 100)
        if len(ranked) - good > number:
            points = run.table.genes[[arch for arch, _ in ranked]]
            return _likeliest(run, choices, points[:good], points[good:])
    return [run.below(count) for count in choices]


def _likeliest(run, choices, good, bad):
    widths, others = _widths(good, choices), _widths(bad, choices)
    best = None
    for _ in range(4):
        start = good[run.below(len(good))]
        kept = [run.number() < 1 - width for width in widths]
        anew = [run.below(count) for count in choices]
        sample = [a if keep else b for a, b, keep in zip(start, anew, kept, strict=True)]
        ratio = max(_density(sample, bad, others, choices), 1e-32) / max(
            _density(sample, good, widths, choices), 1e-32
        )
        unlikelihood = round(math.log(ratio), 9)  # with ties where there are any
        if best is None or unlikelihood < best[0]:
            best = unlikelihood, sample
    return best[1]


def _widths(points, choices):
    count, number = len(points), len(choices)
    factor = 1.06 * count ** (-1 / (4 + number))
    spreads = np.std(points, axis=0)
    return [
        min(max(factor * spread, 0.3), (count - 1) / count)
        for spread, count in zip(spreads, choices, strict=True)
    ]


def _density(sample, points, widths, choices):
    others = [width / max(count - 1, 1) for width, count in zip(widths, choices, strict=True)]
    return np.where(points == sample, 1 - np.array(widths), others).prod(axis=1).mean()


def _choices(genes):
    find = {tuple(int(one) for one in row): arch for arch, row in enumerate(genes)}
    return [int(column.max()) + 1 for column in genes.T], find


def predictor(run):
    features = _standardised(run.table.features)
    trained = [run.train(run.below(run.size)) for _ in range(run.settings.population)]
    while True:
        places = [arch for arch, _ in trained]
        fitness = [value for _, value in trained]
        goal = [
            statistics.NormalDist().inv_cdf(
                (sum(b < a for b in fitness) + sum(b == a for b in fitness) / 2) / len(fitness)
            )
            for a in fitness
        ]
        # Ridge regression by its normal equations.
        known = features[places]
        gram = known.T @ known + 0.1 * np.eye(features.shape[1])
        weights = np.linalg.solve(gram, known.T @ goal)
        predicted = [round(float(row @ weights), 9) for row in features]
        unknown = [arch for arch in range(run.size) if arch not in places]
        best = sorted(unknown, key=lambda arch: -predicted[arch])[: run.settings.predictions]
        trained += [run.train(arch) for arch in best]


def _standardised(features):
    columns = [column for column in features.T if column.max() > column.min()]
    return np.array(
        [(column - column.mean()) / column.std() / math.sqrt(len(columns)) for column in columns]
    ).T


METHODS = {
    "rea": rea,
    "rs": rs,
    "reinforce": reinforce,
    "bohb": bohb,
    "local_search": local_search,
    "area": area,
    "warm_up": warm_up,
    "move_proposal": move_proposal,
    "predictor": predictor,
}


def simulate(method, table, budget, seed, settings):
    """Play one run and return it."""
    remember = method in ("local_search", "predictor") or settings.repeats == "free"
    run = Run(table, budget, seed, settings, remember)
    try:
        METHODS[method](run)
    except OverError:
        return run
    raise AssertionError("a search went on without end")
