"""Random convolutional EMSTDP networks with random input, a function of a seed; for comparing engines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from random_nets import Case

from spikesim import grid
from spikesim.models.emstdp import Emstdp, build, encoder
from spikesim.network import Network
from spikesim.neurons import IF, ErrorIF, Source, Target
from spikesim.synapses import Conv2d, OneToOne
from spikesim.window import Window


def config(rs: np.random.Generator) -> Emstdp:
    """One or two convolutions of every stride and padding, with up to one dense hidden layer."""
    image = (int(rs.integers(1, 3)), int(rs.integers(4, 8)), int(rs.integers(4, 8)))
    conv = tuple(
        (int(rs.integers(1, 5)), int(rs.integers(1, 4)), int(rs.integers(1, 3)), k or int(rs.integers(0, 2)))
        for k in range(int(rs.integers(1, 3)))
    )

    def one_of(*choices: str) -> Any:
        return str(rs.choice(choices))

    batch = int(rs.choice([1, 1, 3]))
    hidden = tuple(int(n) for n in rs.integers(2, 9, int(rs.integers(0, 2))))
    return Emstdp(
        sizes=(int(np.prod(image)), *hidden, int(rs.integers(2, 5))),
        conv=conv,
        image=image,
        kernels="random" if rs.random() < 0.15 else "learned",
        T=2 * int(rs.integers(3, 12)),
        feedback=one_of("symmetric", "dfa"),
        error_form=one_of("ternary", "pair"),
        beta_hidden=rs.uniform(0.1, 0.4),
        beta_out=rs.uniform(0.1, 0.4),
        beta_error=rs.uniform(0.02, 0.4),
        forward_delay=int(rs.integers(3)),
        error_delay=int(rs.integers(1, 3)),
        gate=bool(rs.integers(2)),
        replay=bool(rs.integers(2)),
        reset_at_split=bool(rs.integers(2)),
        theta_loss=float(rs.integers(1, 3)),
        h_pre=one_of("first", "second", "all"),
        batch=batch,
        decay=2.0**-10 / int(rs.choice([3, 5, 10**6])),
        grid=int(rs.integers(6, 13)),
        eta=rs.uniform(0.02, 0.5),
        clip=rs.uniform(0.3, 1.5),
        step="normalised" if rs.random() < 0.2 else "plain",
        gamma=float(rs.integers(2)),
        reset=one_of("zero", "subtract"),
        error_reset=one_of("zero", "subtract"),
        update=one_of("change", "error", "error_hidden"),
        bounded=bool(rs.integers(2)),
    )


def case(seed: int, presentations: int = 6) -> Case:
    """The case of a seed."""
    rs = np.random.default_rng([seed, 31])
    chosen = config(rs)
    shape = (presentations, chosen.sizes[0])
    x = (rs.random(shape) * (rs.random(shape) < 0.8)).astype(np.float32)
    T = chosen.T // 2 if chosen.replay else chosen.T
    spikes = encoder(chosen).encode(x, np.arange(presentations), T, seed)
    labels = rs.integers(0, chosen.sizes[-1], presentations)
    return Case(chosen, build(chosen, seed), spikes, labels, int(rs.integers(1, 3)))


def one_layer(rs: np.random.Generator, rule: Any, **sizes: Any) -> Network:
    """A source, one convolution that learns, and its loss neurons; `sizes` are fields of Conv2d."""
    shape, kernels = sizes.pop("shape"), sizes.pop("kernels")
    w = grid.rounded(rs.normal(0, 0.3, kernels), grid.MASTER_BITS)
    link = Conv2d("in", "a", np.clip(w, *rule.clip), shape, **sizes, plastic=rule)
    n = int(np.prod(link.out_shape))
    populations = {
        "in": Source(int(np.prod(shape)), replay=True),
        "a": IF(n, 0.5, 8, reset_at=("start", "split")),
        "target": Target(n, 0.5),
        "e": ErrorIF(n, 1.0, 8, active_in="second", reset="subtract"),
    }
    links = (link, OneToOne("target", "e", 1.0), OneToOne("a", "e", -1.0), OneToOne("e", "a", 0.5, 1))
    return Network(populations, links, Window.halved(16))


def with_rule(network: Network, **fields: Any) -> Network:
    """The network with changed fields of the rule of its first projection."""
    first, *others = network.projections
    changed = replace(first, plastic=replace(first.plastic, **fields))  # type: ignore[type-var]
    return replace(network, projections=(changed, *others))
