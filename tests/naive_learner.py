"""A learner on a chip in NumPy, process by process: every connection holds what it sends in the next step.

Gates are inhibition and latches, as in the graph; windows, labels and silence come from the step's number. It
shares no code with the compiled twin, nor with Lava.
"""

from __future__ import annotations

from typing import Any

import numpy as np

RAIL = 2**23 - 1
STRONG = 2**44  # inhibition above any input


class Cells:
    """Integrate-and-fire neurons that are reset at step `offset` of every `interval`."""

    def __init__(self, n: int, theta: int, interval: int, offset: int, fixed: bool) -> None:
        self.v, self.theta = np.zeros(n, np.int64), theta
        self.interval, self.offset, self.fixed = interval, offset, fixed

    def step(self, t: int, a: Any) -> Any:
        if t % self.interval == self.offset % self.interval:
            self.v[:] = 0
        self.v = self.v + (a * 64 if self.fixed else a)
        if self.fixed:
            self.v = np.clip(self.v, -RAIL, RAIL)
        spikes = self.v > (self.theta - 1) * (64 if self.fixed else 1)
        self.v[spikes] = 0
        return spikes.astype(np.int64)


def train(learner: Any, rasters: Any, labels: Any, draws: Any = None) -> tuple[list[Any], Any]:
    """The learnt weights and the counts (B, 2, L, n filled up) of layers after trials.

    Args:
        learner: a Learner.
        rasters: int (B, active, n_in).
        labels: (B,).
        draws: a number for each trial, in fixed point.
    """
    fixed, T, L = learner.arithmetic == "fixed", learner.T, len(learner.layers)
    half, layers = T // 2, learner.layers
    w = [layer.w.astype(np.int64) for layer in layers]
    cells = [Cells(one.n, one.theta, half, 1, fixed) for one in layers]
    plus = [Cells(one.n, one.theta_error, half, 2, fixed) for one in layers]
    minus = [Cells(one.n, one.theta_error, half, 2, fixed) for one in layers]
    for pair in (*plus, *minus):
        pair.fixed = False  # their rails are not reached: inhibition here is stronger than a chip's
    latch = [np.zeros(one.n, bool) for one in layers]
    sent = [np.zeros(one.n, np.int64) for one in layers]
    errors = [np.zeros(one.n, np.int64) for one in layers]
    source, label_sent, closed = np.zeros(learner.n_in, np.int64), np.zeros(layers[-1].n, np.int64), True
    buffers = [sent[k] * 0 for k in range(L)]
    counts = np.zeros((len(labels), 2, L, max(one.n for one in layers)), np.int64)
    t = 0
    for b, label in enumerate(labels):
        x1 = [np.zeros(n, np.int64) for n in learner.sizes[:-1]]
        feedback = [
            w[k + 1].T.copy() if layers[k].feedback is None else layers[k].feedback for k in range(L - 1)
        ]
        for step in range(T):
            t += 1
            phase, own = divmod(step, half)
            currents = [buffers[k] + layers[k].inject * errors[k] for k in range(L)]
            into = [layers[-1].n * 0] * L
            for k in range(L):
                if k == L - 1:
                    into[k] = learner.loss * (label_sent - sent[k])
                else:
                    above = L - 1 if learner.feedback == "dfa" else k + 1
                    into[k] = errors[above] @ feedback[k]
            open_latch = [one.copy() for one in latch]
            sent = [cells[k].step(t, currents[k]) for k in range(L)]
            errors = []
            for k in range(L):
                shut = STRONG * closed
                if learner.gate and k < L - 1:
                    shut = STRONG * (closed | ~open_latch[k])
                up, down = plus[k].step(t, into[k] - shut), minus[k].step(t, -into[k] - shut)
                errors.append(up - down)
            inputs = rasters[b][own].astype(np.int64) if own < learner.active else source * 0
            for k in range(L):
                pre = inputs if k == 0 else sent[k - 1]
                buffers[k] = pre @ w[k]
                if phase == 1 or learner.h_pre == "all":
                    x1[k] += pre
                counts[b, phase, k, : layers[k].n] += sent[k]
                latch[k] = (latch[k] | (sent[k] > 0)) if phase == 0 else latch[k]
            m = own - L
            label_sent = np.zeros(layers[-1].n, np.int64)
            if phase == 1 and 0 <= m < len(learner.label):
                label_sent[label] = learner.label[m]
            closed = (phase == 0) or own >= half - L - 1
        for k in range(L):
            y1, y2 = counts[b, :, k, : layers[k].n].sum(0), counts[b, 1, k, : layers[k].n]
            w[k] = _learnt(w[k], x1[k], y1, y2, layers[k].eta, None if draws is None else draws[b])
            latch[k][:] = False
    return w, counts


def _learnt(w: Any, x: Any, y1: Any, y2: Any, eta: int, draw: Any) -> Any:
    if draw is None:
        return w + 2**eta * np.outer(x, 2 * y2 - y1)
    top = 2**15 - 1
    x1 = np.minimum(2 * x, 127)
    up = np.minimum((np.outer(x1, np.minimum(y2, 127)) * 4 // 8) * 2 ** (eta + 8), top)
    down = np.maximum((np.outer(x1, np.minimum(y1, 127)) * -4 // 8) * 2 ** (eta + 7), -top - 2)
    total = np.clip(np.clip(w * 128 + up, -top - 2, top) + down, -top - 2, top)
    whole, part = np.divmod(total, 128)
    return np.clip(whole + (draw < part / 128), -256, 255)
