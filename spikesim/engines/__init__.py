"""Engines run a `Network`; all take the same calls and give the same `Recording`.

naive      loops that read like the equations, for any network; the truth of the tests
stepped    any network, event by event: recurrent, sparse, leaky, with online rules
windowed   layered networks over a window; faster than the matrix products that it stands for
"""

from spikesim.engines.naive.engine import Naive
from spikesim.engines.select import ENGINES, Engine, Runner, engine, engine_name
from spikesim.engines.simulate import simulate
from spikesim.engines.stepped.engine import Stepped
from spikesim.engines.windowed.engine import Windowed

__all__ = ["ENGINES", "Engine", "Naive", "Runner", "Stepped", "Windowed", "engine", "engine_name", "simulate"]
