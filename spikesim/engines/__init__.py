"""Engines simulate a `Network`; all have the same methods and return the same `Recording`.

naive      loops that follow the equations, for any network; the reference in the tests
stepped    event-driven, for any network: recurrent, sparse, leaky, with online rules
windowed   layered networks with trials; faster than the equivalent matrix products
"""

from spikesim.engines.naive.engine import Naive
from spikesim.engines.select import ENGINES, Engine, Runner, engine, engine_name
from spikesim.engines.simulate import simulate
from spikesim.engines.stepped.engine import Stepped
from spikesim.engines.windowed.engine import Windowed

__all__ = ["ENGINES", "Engine", "Naive", "Runner", "Stepped", "Windowed", "engine", "engine_name", "simulate"]
