"""Random search (RS): train architectures that are drawn at random, with replacement."""

from naswot.search.simulation import Settings, Simulation


def random_search(simulation: Simulation, settings: Settings) -> None:
    """Evaluate random architectures until the budget is spent."""
    while simulation.running.any():
        simulation.evaluate(simulation.draws.below(simulation.size, 1)[:, 0])
