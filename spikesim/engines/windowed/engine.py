"""The windowed engine, the fastest for layered networks: input currents of a window at once, then events.

The input spikes of a whole window are known in advance, so the currents of the first layer for all steps are
computed from tables over the active inputs; a replayed phase reuses them, and is skipped if no error spike
can change it. The other populations step through time, with a cost proportional to their spikes. Results are
equal to those of the naive engine, spike for spike and weight for weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim import grid
from spikesim.engines.initial_weights import starting_masters, starting_squares
from spikesim.engines.input_checks import check_recorded, check_run, check_silent
from spikesim.engines.source_spikes import source_train, target_train
from spikesim.engines.windowed import kernels
from spikesim.engines.windowed.buffers import make_buffers
from spikesim.engines.windowed.convolution import add_moves, decay_kernels, store_all
from spikesim.engines.windowed.plan import compile_plan
from spikesim.engines.windowed.weight_update import add_increments, decay_weights
from spikesim.errors import EngineError
from spikesim.learning.counts import CountRule, increments, postsynaptic, presynaptic
from spikesim.network import Masters, Network
from spikesim.network.scheduling import is_target
from spikesim.neurons import Target
from spikesim.recording import Recording
from spikesim.recording.monitor import SpikesOf
from spikesim.spikes import Spikes, from_raster
from spikesim.synapses import Conv2d, Dense

Ints = npt.NDArray[np.int64]
Counts = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]  # input, layers, errors
SPANS = {"first": 0, "second": 1, "all": 2}


class Windowed:
    """Simulates layered networks; holds their plastic weights. Methods and results as those of `Naive`.

    Attributes:
        network: the declaration.
        masters: projection -> int32, in the shape of its weights, the plastic weights on the master grid;
            learning changes them.
        squares: projection -> float64, the running mean squares of normalised steps.
        threads: threads that share a batch; results do not depend on their number.

    Raises:
        EngineError: a network that this engine does not support.
    """

    trains = True

    def __init__(
        self,
        network: Network,
        masters: Mapping[str, npt.NDArray[np.int32]] | None = None,
        squares: Mapping[str, npt.NDArray[np.float64]] | None = None,
        threads: int = 1,
    ) -> None:
        self.network, self.threads = network, threads
        self._compiled = compile_plan(network)
        self._made: list[tuple[Any, Any]] = []
        self._rules: dict[str, CountRule] = {p.name: _rule(p) for p in network.plastic}
        self.squares = starting_squares(network, squares)
        self._allocate(starting_masters(network, masters))

    def _allocate(self, masters: Masters) -> None:
        """Allocate the weights of all layers in flat arrays: masters in int32, acting weights in float32."""
        layers = self._compiled.plan.layers
        self._w = np.zeros(int((layers["entries"] * (1 + layers["conv"])).sum()), np.float32)
        self._flat = np.zeros(self._w.size, np.int32)
        self.masters: Masters = {}
        for layer, name in list(enumerate(self._compiled.incoming))[1:]:
            p, acting = layers[layer], self.network.propagating(name, masters)
            mine = slice(int(p["w_start"]), int(p["w_start"]) + acting.size)
            if name in masters:
                self.masters[name] = self._flat[mine].reshape(acting.shape)
                self.masters[name][:] = masters[name]
            if p["conv"]:
                store_all(self._w, p, acting.ravel())
            else:
                self._w[mine] = acting.ravel()

    def run(
        self,
        inputs: Mapping[str, Spikes],
        labels: npt.NDArray[np.int64] | None = None,
        record: Iterable[str] = (),
        learn: bool = False,
        batch: int = 1,
        factor: float = 1.0,
        silent: Mapping[str, npt.NDArray[np.bool_]] | None = None,
        learnt: int = 0,
    ) -> Recording:
        """Simulate a batch of trials; arguments and result as those of `Naive.run`."""
        B, given = check_run(self.network, inputs, labels, learn, batch, factor, learnt)
        masks = self._silent(check_silent(self.network, silent, B), B)
        keep = tuple(record)
        check_recorded(keep, self.network.populations)
        plan, spikes = self._compiled.plan, inputs[self._compiled.layers[0]]
        classes = np.zeros(B, np.int64)
        h_in = np.zeros((B, 2, int(plan.layers["n"][0])), np.int32)
        h = np.zeros((B, 2, int(plan.layers["n"][1:].sum())), np.int32)
        h_e = np.zeros((B, int(plan.errors["n"].sum())), np.int32)
        rows, T = (B, plan.T) if keep else (1, 0)
        s_out = np.zeros((rows, T, h.shape[2] + h_e.shape[1]), np.int8)
        v_out = np.zeros((rows, T, h.shape[2] + 2 * h_e.shape[1]), np.int32)
        clipped = np.zeros(len(self._compiled.incoming), np.int64)
        counts = (h_in, h, h_e)
        if learn and batch == 1 and not keep and not self.squares:
            self._online(spikes, given, masks, counts, classes, factor, clipped, learnt)
        else:
            for first in range(0, B, batch if learn else max(B, 1)):
                last = min(first + batch, B) if learn else B
                self._present(spikes, given, masks, first, last, counts, classes, s_out, v_out)
                if learn:
                    self._learn(counts, first, last, factor, clipped, learnt)
        found = Recording(self._counts(h_in, h, h_e, given), classes if self.network.readout else classes[:0])
        found.clipped = {
            n: int(c) for n, c in zip(self._compiled.incoming, clipped, strict=True) if n in self._rules
        }
        self._keep(found, keep, spikes, given, s_out, v_out)
        return found

    def _silent(self, masks: Mapping[str, npt.NDArray[np.bool_]], B: int) -> npt.NDArray[np.uint8]:
        """The silent neurons of all layers, uint8 (B, N); (B, 0) if there are none.

        Raises:
            EngineError: silent error neurons.
        """
        found = np.zeros((B, int(self._compiled.plan.layers["n"][1:].sum()) if masks else 0), np.uint8)
        spans = self._spans()
        for name, mask in masks.items():
            if name in self._compiled.errors:
                raise EngineError(
                    f"windowed: silent neurons of {name!r}, an error population, are not supported; use "
                    f"engine='stepped'"
                )
            found[:, spans[name]] = mask
        return found

    def _online(
        self,
        spikes: Spikes,
        labels: Ints,
        masks: npt.NDArray[np.uint8],
        counts: Counts,
        classes: Ints,
        factor: float,
        clipped: Ints,
        learnt: int,
    ) -> None:
        """Learn after every trial, in one kernel."""
        events = (spikes.times, spikes.neurons, spikes.offsets)
        kernels.learn_online(
            self._compiled.plan, (self._w, self._flat), self._compiled.feedback, events,
            labels, masks, counts, classes, self._rule_table(factor), clipped,
            (learnt, *self._buffers(0)),
        )  # fmt: skip

    def _buffers(self, thread: int) -> tuple[Any, Any]:
        """The working arrays of a thread; made once, since that takes as long as a short trial."""
        while len(self._made) <= thread:
            self._made.append(make_buffers(self._compiled.plan))
        return self._made[thread]

    def _rule_table(self, factor: float) -> npt.NDArray[np.int64]:
        """The rule of each layer, int64 (layers, 9), see `learn_layer`; eta = 0 without a rule."""
        table = np.zeros((len(self._compiled.incoming), 9), np.int64)
        for layer, name in enumerate(self._compiled.incoming):
            if name in self._rules:
                rule = self._rules[name]
                eta = rule.eta_master(factor)
                dense = isinstance(self.network.named[name], Dense)
                if dense and eta * self.network.window.T >= 2**31:
                    raise EngineError(
                        f"windowed: {name}: eta = {rule.eta * factor:.4g} times {self.network.window.T} "
                        f"presynaptic spikes exceeds int32 on the master grid; use a smaller learning rate "
                        f"or a shorter window"
                    )
                ceiling = 2 * self.network.window.T if rule.ceiling is None else rule.ceiling
                error = -1 if rule.error is None else self._error(rule.error).start
                table[layer] = (
                    eta, SPANS[rule.pre], *rule.clip_master(), self._shift(name), error, ceiling,
                    rule.decay_period(factor), rule.decay_bits,
                )  # fmt: skip
        return table

    def _error(self, name: str) -> slice:
        """The slice of an error population in the flat array of error neurons."""
        p = self._compiled.plan.errors[self._compiled.errors.index(name)]
        return slice(int(p["start"]), int(p["start"] + p["n"]))

    def _shift(self, name: str) -> int:
        return grid.MASTER_BITS - int(self.network.populations[self.network.named[name].post].grid)

    def _present(
        self,
        spikes: Spikes,
        labels: Ints,
        masks: npt.NDArray[np.uint8],
        first: int,
        last: int,
        counts: Counts,
        classes: Ints,
        s_out: npt.NDArray[np.int8],
        v_out: npt.NDArray[np.int32],
    ) -> None:
        """Simulate the trials first .. last - 1 with fixed weights, distributed over the threads."""
        edges = np.linspace(first, last, min(self.threads, max(last - first, 1)) + 1).astype(int)
        events = (spikes.times, spikes.neurons, spikes.offsets)
        made = [self._buffers(k) for k in range(len(edges) - 1)]

        def part(k: int) -> None:
            kernels.present_many(
                self._compiled.plan, self._w, self._compiled.feedback, events,
                labels, masks, edges[k], edges[k + 1], counts, classes, (s_out, v_out), made[k],
            )  # fmt: skip

        if len(edges) == 2:
            part(0)
            return
        with ThreadPoolExecutor(len(edges) - 1) as pool:
            list(pool.map(part, range(len(edges) - 1)))

    def _learn(
        self, counts: Counts, first: int, last: int, factor: float, clipped: Ints, learnt: int
    ) -> None:
        """One update of every plastic layer from the count products of a batch."""
        h_in, h, h_e = counts
        layers = self._compiled.plan.layers
        for layer, name in enumerate(self._compiled.incoming):
            if name not in self._rules:
                continue
            rule = self._rules[name]
            pre = h_in if layer == 1 else h[:, :, layers[layer - 1]["start"] : layers[layer]["start"]]
            post = h[first:last, :, layers[layer]["start"] : layers[layer]["start"] + layers[layer]["n"]]
            h_pre = presynaptic(pre[first:last], rule.pre)
            error = None
            if rule.error is not None:
                signed = h_e[first:last, self._error(rule.error)]
                error = np.stack([np.zeros_like(signed), signed], axis=1)
            h_post, memory = postsynaptic(rule, post, error), self.squares.get(name)
            p, row, shift = self.network.named[name], layers[layer], self._shift(name)
            decays, bits = rule.decays(learnt + first, learnt + last, factor), rule.decay_bits
            if isinstance(p, Conv2d):
                product = p.shared(h_pre.astype(np.int64), h_post.astype(np.int64))
                moved = increments(rule, product, last - first, factor, memory).ravel()
                clipped[layer] += add_moves(self._w, self._flat, row, 1, moved, *rule.clip_master(), shift)
                if decays:
                    decay_kernels(self._w, self._flat, row, bits, shift)
                continue
            product = (h_pre.T.astype(np.float64) @ h_post.astype(np.float64)).astype(np.int64)
            moved, base = increments(rule, product, last - first, factor, memory), row["w_start"]
            clipped[layer] += add_increments(self._w, self._flat, base, moved, *rule.clip_master(), shift)
            if decays:
                decay_weights(self._w, self._flat, base, moved.size, bits, shift)

    def _spans(self) -> dict[str, slice]:
        """The slice of each population's neurons in the flat arrays: layers first, then error populations."""
        plan = self._compiled.plan
        n = int(plan.layers["n"][1:].sum())
        found = {
            name: slice(int(plan.layers[k]["start"]), int(plan.layers[k]["start"] + plan.layers[k]["n"]))
            for k, name in enumerate(self._compiled.layers)
            if k > 0
        }
        for k, name in enumerate(self._compiled.errors):
            first = n + int(plan.errors[k]["start"])
            found[name] = slice(first, first + int(plan.errors[k]["n"]))
        return found

    def _counts(
        self, h_in: npt.NDArray[np.int32], h: npt.NDArray[np.int32], h_e: npt.NDArray[np.int32], labels: Ints
    ) -> dict[str, npt.NDArray[Any]]:
        """Spike counts of each population by phase, (B, 2, n)."""
        both = np.concatenate([h, np.stack([np.zeros_like(h_e), h_e], axis=1)], axis=2)
        found = {name: both[:, :, mine] for name, mine in self._spans().items()}
        found[self._compiled.layers[0]] = h_in
        for name, target in self._targets().items():
            window = self.network.window
            found[name] = np.zeros((len(h), 2, target.n), np.int64)
            found[name][np.arange(len(h)), 1, labels] = target.train(window.T - window.boundary).sum()
        return {name: found[name] for name in self.network.populations}

    def _targets(self) -> dict[str, Target]:
        return {name: p for name, p in self.network.populations.items() if is_target(p)}

    def _keep(
        self,
        found: Recording,
        keep: tuple[str, ...],
        spikes: Spikes,
        labels: Ints,
        s_out: npt.NDArray[np.int8],
        v_out: npt.NDArray[np.int32],
    ) -> None:
        """Add spikes and membranes of the recorded populations to the recording."""
        net, spans, targets = self.network, self._spans(), self._targets()
        shift = int(self._compiled.plan.errors["n"].sum())
        for name in keep:
            if name in targets:
                trains = [target_train(targets[name], net.window, label) for label in labels]
                found.spikes[name] = from_raster(_stacked(trains, net.window.T, targets[name].n))
                continue
            if name not in spans:
                source = net.populations[name]
                trains = [source_train(source, net.window, spikes, b) for b in range(len(spikes))]
                found.spikes[name] = from_raster(_stacked(trains, net.window.T, source.n))
                continue
            found.spikes[name] = from_raster(s_out[:, :, spans[name]])
            if isinstance(name, SpikesOf):
                continue
            v = v_out[:, :, spans[name]].astype(np.int64)
            if name in self._compiled.errors and net.populations[name].form == "pair":
                minus = slice(spans[name].start + shift, spans[name].stop + shift)
                v = np.stack([v, v_out[:, :, minus]], axis=2)
            found.v[name] = v


def _rule(p: Dense | Conv2d) -> CountRule:
    """The rule of a projection, which must be a CountRule for this engine.

    Raises:
        EngineError: it is another rule.
    """
    if type(p.plastic) is not CountRule:
        raise EngineError(
            f"windowed: {p.name}: {type(p.plastic).__name__} is not supported, only CountRule; use "
            f"engine='stepped', which supports every rule"
        )
    return p.plastic


def _stacked(trains: list[npt.NDArray[np.int64]], T: int, n: int) -> npt.NDArray[np.int64]:
    """The trains as one array, int64 (B, T, n), for B = 0 too."""
    return np.stack(trains) if trains else np.zeros((0, T, n), np.int64)
