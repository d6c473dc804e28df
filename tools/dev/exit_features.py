"""Every feature of `Network` as a small network: the rows of the table of exits (see `exits_table`).

A feature is a line of FEATURES: its name, and a function that makes a `Case` (see `exit_cases`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from spikesim.hardware.limits import saturation
from spikesim.learning import STDP, RewardSTDP, SquareSTDP
from spikesim.learning.brian2_stdp import Brian2STDP
from spikesim.neurons import (
    IF,
    LIF,
    AdaptiveLIF,
    ErrorIF,
    LeakyIntegrator,
    PoissonSource,
    RegularSource,
    Source,
)
from spikesim.neurons.brian2_lif import Brian2LIF, SpikeList
from spikesim.neurons.timed_input import TimedInput
from spikesim.synapses import CurrentInput, Dense, OneToOne, PoissonInput
from spikesim.tools.dev.exit_cases import (
    LEAK,
    N_IN,
    Case,
    I,
    J,
    N,
    Stepwise,
    W,
    alone,
    apart,
    by_synapse,
    convolved,
    driven,
    emstdp,
    endless,
    followed,
    gated,
    generator,
    integrate,
    joined,
    last,
    leaky,
    many,
    middle,
    multapses,
    normalised,
    online,
    phases,
    readout,
    real,
    receptors,
    recurrent,
    second_order,
    shortcut,
    silenced,
    sparse,
    transposed,
    trials,
    two_sources,
    unheard,
    weights,
)
from spikesim.window import Window

VALUES = (8.0, 6.0, 8.0, 10.0, 6.0)  # of a parameter, neuron by neuron
FINE = tuple(x + 1 / 64 for x in VALUES)

FEATURES: dict[str, Callable[[], Case]] = {
    # IF
    "IF": integrate,
    "IF, threshold by neuron": partial(integrate, theta=VALUES),
    "IF, bias": partial(integrate, bias=1.0),
    "IF, bias by neuron": partial(integrate, bias=(1.0, 0.0, -1.0, 2.0, 0.0)),
    "IF, refractory": partial(integrate, refractory=2),
    "IF, refractory by neuron": partial(integrate, refractory=(0, 1, 2, 0, 3)),
    "IF, start": partial(integrate, v_start=3.0),
    "IF, start by neuron": partial(integrate, v_start=(0.0, 1.0, 2.0, -3.0, 4.0)),
    "IF, floor": partial(integrate, floor=-2.0),
    "IF, floor by neuron": partial(integrate, floor=(-1.0, -2.0, 0.0, -3.0, -2.0)),
    "IF, floor of the chip": partial(integrate, floor=saturation(IF(1, 8.0, 0))),
    "IF, reset by subtraction": partial(integrate, reset="subtract"),
    "IF, finer grid": partial(integrate, grid=4),
    "IF, threshold of 2**20": lambda: joined(Dense("in", "a", weights(N_IN, N) * 2.0**18, 1), theta=2.0**20),
    "IF, 70 different thresholds": lambda: middle(IF(80, tuple(5.0 + k % 70 for k in range(80)), 0)),
    # LIF
    "LIF in integers": leaky,
    "LIF, decays by neuron": partial(
        leaky, u_decay=(0.5, 1.0, 0.5, 0.25, 1.0), v_decay=(0.0, 0.125, 0.25, 0.0, 0.5)
    ),
    "LIF, threshold by neuron": partial(leaky, theta=FINE),
    "LIF, threshold off the chip": partial(leaky, theta=8.0),
    "LIF, reset to a value": partial(leaky, v_reset=-1.0),
    "LIF, reset by neuron": partial(leaky, v_reset=(-1.0, 0.0, 1.0, 0.0, -2.0)),
    "LIF, reset by subtraction": partial(leaky, reset="subtract"),
    "LIF, reset one step late": partial(leaky, reset="subtract", reset_delay=1),
    "LIF without a reset": partial(leaky, reset="none"),
    "LIF, a second spike in a step refused": partial(
        real, theta=40.3, v_decay=0.1, reset="subtract", overshoot="refuse"
    ),
    "LIF, threshold 0": partial(leaky, theta=0.0, v_reset=-2.0, tonic=True),
    "LIF, threshold below 0": partial(leaky, theta=-1.0, v_reset=-4.0, v_start=-4.0, tonic=True),
    "LIF, refractory": partial(leaky, refractory=2),
    "LIF, bias": partial(leaky, bias=0.5),
    "LIF, floor": partial(leaky, floor=-2.0),
    "LIF, start of membrane and current": partial(leaky, v_start=2.0, u_start=(1.0, 0.0, 2.0, 0.0, -1.0)),
    "LIF, current without decay": partial(leaky, theta=60.0 + 1 / 64, u_decay=0.0),
    "LIF without a leak": partial(leaky, theta=8.0, u_decay=1.0, v_decay=0.0),
    "LIF in real numbers": partial(real, u_decay=0.4, v_decay=0.13),
    "LIF in real numbers, by neuron": partial(real, theta=VALUES, v_decay=(0.1, 0.2, 0.0, 0.3, 0.1)),
    "LIF in real numbers, start and bias": partial(real, v_decay=0.1, bias=0.3, v_start=1.7),
    # other models
    "AdaptiveLIF, threshold": partial(real, AdaptiveLIF, v_decay=0.1, a_jump=1.5, a_decay=0.1),
    "AdaptiveLIF, current": partial(real, AdaptiveLIF, v_decay=0.1, c_jump=1.5, c_decay=0.1),
    "AdaptiveLIF in integers": partial(real, AdaptiveLIF, theta=8.0, **LEAK, a_jump=2.0, a_decay=0.125),
    "TwoCurrentLIF, receptors": partial(receptors, None),
    "TwoCurrentLIF in integers": partial(receptors, 6),
    "LeakyIntegrator": lambda: last(LeakyIntegrator(N, v_decay=0.1, bias=0.2)),
    "LeakyIntegrator in integers": lambda: last(LeakyIntegrator(N, 6, v_decay=0.125)),
    "LeakyIntegrator as the readout": readout,
    "ErrorIF, ternary": lambda: middle(ErrorIF(N, 8.0, 0), -5),
    "ErrorIF, pair": lambda: middle(ErrorIF(N, 8.0, 0, form="pair"), -5),
    "ErrorIF, ternary, subtract": lambda: middle(ErrorIF(N, 8.0, 0, reset="subtract"), -5),
    "ErrorIF, pair, subtract": lambda: middle(ErrorIF(N, 8.0, 0, form="pair", reset="subtract"), -5),
    "ErrorIF, threshold by neuron": lambda: middle(ErrorIF(N, VALUES, 0), -5),
    "Brian2LIF": lambda: endless(
        {"in": Source(N_IN), "a": Brian2LIF(N, 7.3, 0.9)}, (Dense("in", "a", weights(N_IN, N), 1),)
    ),
    "Brian2Linear": lambda: endless(
        {"in": Source(N_IN), "a": second_order()}, (Dense("in", "a", weights(N_IN, N), 1, receptor="g"),)
    ),
    "a model of one's own": lambda: middle(Stepwise(N, 8.0)),
    # projections
    "Dense, delay 0": lambda: joined(Dense("in", "a", weights(N_IN, N))),
    "Dense, delay 3": lambda: joined(Dense("in", "a", weights(N_IN, N), 3)),
    "Dense, delay 63": lambda: joined(Dense("in", "a", weights(N_IN, N), 63), window=Window(90)),
    "Dense, delay 100": lambda: joined(Dense("in", "a", weights(N_IN, N), 100), window=Window(130)),
    "Dense, weights of 12 bits": lambda: joined(
        Dense("in", "a", weights(N_IN, N, -900, 2047), 1), theta=3000.0
    ),
    "Dense, weights -128 and 127": lambda: joined(
        Dense("in", "a", np.where(weights(N_IN, N) < 0, -128.0, 127.0), 1), theta=300.0
    ),
    "Dense of zeros": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1), Dense("a", "a", np.zeros((N, N)), 1)
    ),
    "Transpose": transposed,
    "OneToOne": lambda: joined(OneToOne("in", "a", 5.0, 1), n=N_IN),
    "Sparse": lambda: joined(sparse(W, I, J)),
    "Sparse, one weight": lambda: joined(sparse(5.0, I, J)),
    "Sparse, weights of float32": lambda: joined(sparse(W.astype(np.float32), I, J)),
    "Sparse without synapses": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1),
        replace(sparse(np.zeros(0), np.zeros(0, int), np.zeros(0, int)), name="none"),
    ),
    "several synapses of a pair": partial(multapses, 3.0, 4.0, -2.0),
    "several synapses, beyond 8 bits": partial(multapses, 100.0, 100.0, -1.0),
    "several synapses, sum of 0": partial(multapses, 3.0, -3.0),
    "several synapses, two delays": lambda: joined(
        sparse(np.append(W, [3.0, 4.0]), np.append(I, [0, 0]), np.append(J, [0, 0]), delays=np.arange(20) % 2)
    ),
    "two projections of a pair": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1), Dense("in", "a", weights(N_IN, N, seed=8), 1, name="again")
    ),
    "-128 and 127 of different delays": lambda: joined(
        sparse(np.where(J == 1, -128.0, 127.0), I, J, delays=(J == 1).astype(int)), theta=300.0
    ),
    "delay 63 past layers of delay 0": shortcut,
    "delays by synapse to 5": partial(by_synapse, 5),
    "delays by synapse to 63": partial(by_synapse, 63),
    "delays by synapse to 100": partial(by_synapse, 100),
    "Conv2d": convolved,
    "Conv2d, delay 2": partial(convolved, 2),
    "Conv2d, weights -128 and 127": partial(convolved, w=(-128.0, 127.0), theta=500.0),
    "Conv2d, weights -128 and 127, delay 2": partial(convolved, 2, w=(-128.0, 127.0), theta=500.0),
    "Conv2d, weights of 12 bits": partial(convolved, w=(-900.0, 2047.0), theta=3000.0),
    "Conv2d, stride, padding, groups": partial(convolved, stride=2, padding=1, groups=2),
    "self-connections": lambda: joined(
        Dense("in", "a", weights(N_IN, N), 1), OneToOne("a", "a", 2.0, 2), theta=9.0
    ),
    # structure
    "two sources": two_sources,
    "a source that nobody hears": unheard,
    "parts that nothing ties together": apart,
    "neurons without synapses": alone,
    "an offset too late": partial(integrate, offset=3),
    "an offset too early": partial(integrate, offset=0),
    "no source": lambda: trials({"a": IF(N, 8.0, 0, bias=1.0)}, ()),
    "without end, no source": lambda: endless({"a": IF(N, 8.0, 0, bias=1.0)}, ()),
    "no neurons": lambda: trials({"in": Source(N_IN)}, ()),
    "recurrent": partial(recurrent, offset=1),
    "recurrent with one offset of 0": partial(recurrent, offset=0),
    "hundreds of neurons": partial(many, 600),
    "without end": partial(recurrent, endless),
    "without end, two sources": partial(two_sources, endless),
    "without end, delay 0": lambda: endless(
        {"in": Source(N_IN), "a": IF(N, 8.0, 0), "b": IF(2, 7.0, 0)},
        (Dense("in", "a", weights(N_IN, N)), Dense("a", "b", weights(N, 2, 0, 6))),
    ),
    # generators and drives
    "PoissonSource": lambda: generator(PoissonSource(N_IN, 0.3, 3)),
    "PoissonSource, rates by neuron": lambda: generator(PoissonSource(3, (0.2, 0.5, 0.7), 3)),
    "PoissonSource, seed of the network": lambda: generator(PoissonSource(N_IN, 0.3)),
    "RegularSource": lambda: generator(RegularSource(3, 4, (0, 1, 3))),
    "SpikeList": lambda: generator(SpikeList(3, (0, 1, 1, 5, 6), (0, 0, 2, 1, 2), 8)),
    "CurrentInput": lambda: driven(CurrentInput("a"), currents={"->a": np.array([1.0, 0.0, 2.0, -1.0, 0.0])}),
    "CurrentInput, step by step": lambda: driven(
        CurrentInput("a"), currents={"->a": weights(40, N, -1, 3, seed=9)}
    ),
    "PoissonInput": lambda: driven(PoissonInput("a", 1.5, 2.0, 4)),
    "PoissonInput, two of the network's seed": lambda: driven(
        PoissonInput("a", 1.5, 2.0), PoissonInput("a", 1.0, -1.0, name="down")
    ),
    "TimedInput": lambda: driven(TimedInput("a", (1.0, 0.0, 3.0), 4)),
    # phases and learning
    "two phases": phases,
    "two phases, reset at the split": partial(phases, reset_at=("start", "split")),
    "active in the first phase": partial(phases, active_in="first"),
    "active in the second, gated": partial(phases, active_in="second", gate_by="a"),
    "ErrorIF, gate with an upper end": gated,
    "EMSTDP, CountRule": emstdp,
    "EMSTDP, error counts, subtract": partial(
        emstdp, update="error", gamma=0.0, gate=True, reset="subtract", error_reset="subtract", bounded=True
    ),
    "EMSTDP, pairs, symmetric feedback": partial(emstdp, feedback="symmetric", error_form="pair"),
    "EMSTDP, weight decay": partial(emstdp, decay=2.0**-10),
    "EMSTDP, gate with an upper end": partial(emstdp, gate=True, gate_upper=True),
    "EMSTDP, bias": partial(emstdp, bias=True),
    "EMSTDP, all amendments": partial(
        emstdp,
        update="error",
        gamma=0.0,
        gate=True,
        gate_upper=True,
        reset="subtract",
        error_reset="subtract",
        bounded=True,
        b_centred=True,
        bias=True,
        decay=2.0**-10,
        replay=True,
    ),
    "EMSTDP, replayed input": partial(emstdp, replay=True),
    "CountRule, normalised": normalised,
    "STDP": lambda: online(STDP(0.3, 0.2, clip=(0.0, 8.0)), LIF(N, 7.3, v_decay=0.1)),
    "SquareSTDP on a grid": lambda: online(SquareSTDP(1.0, 1.0, 4, clip=(0.0, 8.0)), IF(N, 8.0, 0)),
    "SquareSTDP": lambda: online(SquareSTDP(0.3, 0.2, 4, clip=(0.0, 8.0)), LIF(N, 7.3, v_decay=0.1)),
    "RewardSTDP": lambda: online(
        RewardSTDP(0.3, 0.2, 0.1, clip=(0.0, 8.0)),
        LIF(N, 7.3, v_decay=0.1),
        reward=np.sin(np.arange(40.0)),
    ),
    "Brian2STDP": lambda: online(Brian2STDP(0.3, 0.2, clip=(0.0, 8.0)), LIF(N, 7.3, v_decay=0.1)),
    "STDP, and its transpose": partial(followed, STDP(0.3, 0.2, clip=(0.0, 8.0))),
    # what saturates
    "membranes that saturate": lambda: silenced(IF(N, 16000.0, 0)),
    "membranes that saturate at a floor": lambda: silenced(IF(N, 16000.0, 0, floor=-(2.0**17))),
}
