"""Compiled loops of Loihi's step over a trial; all in one file, since numba's file cache does not notice
changes in other files.
"""

from __future__ import annotations

from spikesim._jit import inline, kernel

WRAPPED, SATURATED, EARLY = 1, 2, 3


@inline
def _cut(x, decay):  # type: ignore[no-untyped-def]
    """What a decay leaves: x (4096 - decay) / 4096, truncated towards zero."""
    y = x * (4096 - decay)
    return y >> 12 if y >= 0 else -(-y >> 12)


@kernel
def present(neurons, synapses, incoming, T, steps, strict, raster, trace, state, events):  # type: ignore[no-untyped-def]
    """Run one trial.

    Args:
        neurons: (base, start, source) by population; (vth, du, dv, refractory, floored, bias, v_start,
            u_start) by neuron; int64.
        synapses: (pre, delay, exponent, first) by projection; indptr, indices, weights of all of them.
        incoming: (first, list) of each population's projections.
        T, steps: of a window, and of the chip.
        strict: stop at the first wrap, at the first saturation that is not declared as a floor, and where a
            neuron fires only because of the unit that a saturation left.
        raster: uint8 (T, N), spikes in each population's own window; sources are filled in, the rest is 0.
        trace: int32 (T, N), membranes after the reset.
        state: (u, v, refractory_left, current, part), int64 (N,) each.
        events: int64 (2, populations), wraps and saturations, counted.

    Returns:
        (kind, step of the own window, population, neuron, value) of what stopped it; kind 0 for nothing.
    """
    base, start, source = neurons[:3]
    state[0][:], state[1][:], state[2][:] = neurons[10], neurons[9], 0
    for now in range(steps):
        for p in range(len(start)):
            t = now - start[p]
            if source[p] or t < 0 or t >= T:
                continue
            state[3][base[p] : base[p + 1]] = 0
            for k in range(incoming[0][p], incoming[0][p + 1]):
                q = incoming[1][k]
                pre, delay = synapses[0][q], synapses[1][q]
                sent = now - delay - start[pre]
                if 0 <= sent < T:
                    fired = raster[sent, base[pre] : base[pre + 1]]
                    _deliver(synapses, q, fired, base[p], base[p + 1], state[3], state[4])
            found = _update(neurons, p, strict, raster[t], trace[t], state, events)
            if found[0]:
                return found[0], t, p, found[1], found[2]
    return 0, 0, 0, 0, 0


@kernel
def _deliver(synapses, q, fired, low, high, current, part):  # type: ignore[no-untyped-def]
    """Add the input of a projection's spikes in a step to current[low:high], shifted by its exponent."""
    _, _, exponent, first, indptr, indices, weights = synapses
    part[low:high] = 0
    for i in range(fired.size):
        if fired[i]:
            for m in range(indptr[first[q] + i], indptr[first[q] + i + 1]):
                part[low + indices[m]] += weights[m]
    e = exponent[q]
    for j in range(low, high):
        current[j] += part[j] << e if e >= 0 else part[j] >> -e


@kernel
def _update(neurons, p, strict, fired, trace, state, events):  # type: ignore[no-untyped-def]
    """The step of a population; (kind, neuron, value) of what stopped it."""
    base, _, _, vth, du, dv, refractory, floored, bias, _, _ = neurons
    u, v, refractory_left, current, _ = state
    for j in range(base[p], base[p + 1]):
        x = _cut(u[j], du[j]) + (current[j] << 6)
        if x > 8388608 or x <= -8388608:
            if strict:
                return WRAPPED, j - base[p], x
            events[0, p] += 1
            x = x - 16777216 if x > 0 else x + 16777216
        u[j] = x
        trace[j] = v[j]
        if refractory_left[j] > 0:
            refractory_left[j] -= 1
            continue
        y = _cut(v[j], dv[j]) + x + bias[j]
        if y > 8388607 or y < -8388607:
            if strict and (y > 0 or not floored[j]):
                return SATURATED, j - base[p], y
            events[1, p] += 1
            y = min(max(y, -8388607), 8388607)
        if y > vth[j] << 6:
            if strict and floored[j] > 1 and y == (vth[j] << 6) + 1:
                return EARLY, j - base[p], y
            fired[j] = 1
            refractory_left[j] = refractory[j]
            y = 0
        v[j] = y
        trace[j] = y
    return 0, 0, 0
