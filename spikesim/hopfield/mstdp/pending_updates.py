"""Pending weight updates, stored as low-rank factors and applied in one matrix product.

Each iteration t of a batch adds alpha / batch * sum over its rows of (pre x signal) to the weights, which is
a product of low rank. The rows (pre, signal) of a phase are stored and applied together,

    W <- W + alpha / batch * P^T E        P (rows, pre), E (rows, post), rows = iterations * batch

with one BLAS call instead of one per iteration. If the rule is immediate, the drive must include the updates
that are still pending; it is corrected by

    p W' = p W + alpha / batch * (p P^T) E,

which is equivalent to an update of W at each iteration (equal up to float32 rounding), and much cheaper for
small batches, where an update is limited by the memory bandwidth for W.
"""

from __future__ import annotations

import numpy as np

from spikesim.hopfield.mstdp.rule import MstdpRule
from spikesim.hopfield.mstdp.states import Float32, UnitLayout, Weights

RANK = 32


class Pending:
    """Pending updates of `weights` as rows (pre, signal).

    Args:
        weights: changed in place by `flush`.
        layout: positions of the neurons.
        rule: gains of the learning rate, and whether pending updates contribute to the drive.
        alpha: the current learning rate, which a schedule may have changed.

    Attributes:
        generating: None, or a factor of the learning rate of weights from labels into hidden neurons; then
            all other weights into hidden neurons and the biases of hidden neurons are fixed.
    """

    def __init__(self, weights: Weights, layout: UnitLayout, rule: MstdpRule, alpha: float) -> None:
        self.weights, self.layout, self.rule, self.alpha = weights, layout, rule, alpha
        self._pre = self._signal = np.empty((0, 0, 0), np.float32)
        self._constant: Float32 | None = None
        self._count, self._first = 0, 0
        self.generating: float | None = None
        self._self_drive = np.zeros(layout.n_hidden, np.float32)

    @property
    def immediate(self) -> bool:
        """Whether pending updates contribute to the drive."""
        return self.rule.immediate

    @property
    def smoothing(self) -> float:
        """Strength of the smoothing term in the signals."""
        return self.rule.smoothing

    def start(self, iterations: int, batch: int, constant: Float32 | None = None) -> None:
        """Allocate the rows of a phase, after updates that were pending have been applied.

        Args:
            iterations: of the phase.
            batch: samples of a batch.
            constant: centred rates of the inputs, (batch, inputs), if they are held; rows then contain the
                other columns only.
        """
        self.flush()
        self._constant, self._first = constant, 0 if constant is None else constant.shape[1]
        shape = (iterations, batch, self.layout.n - self._first)
        if self._pre.shape != shape:
            self._pre, self._signal = np.empty(shape, np.float32), np.empty(shape, np.float32)

    def pre_slot(self) -> Float32:
        """Array for the centred rates of the current iteration, (batch, columns)."""
        return self._pre[self._count]

    def signal_slot(self) -> Float32:
        """Array for the signals of the current iteration, (batch, columns)."""
        return self._signal[self._count]

    def took(self) -> None:
        """Complete an iteration, after both slots have been filled."""
        if self.immediate:
            pre, signal, hidden = self.pre_slot(), self.signal_slot(), self.layout.hidden
            self._self_drive += (pre[:, hidden] * signal[:, hidden]).sum(0)
            self._bias_learns(signal.sum(0))
        self._count += 1
        if self.immediate and self._count * self._pre.shape[1] >= RANK:
            self.flush()  # beyond this rank a correction costs more than the product

    def correct(self, pre: Float32, drive: Float32) -> None:
        """Add the contribution of the pending updates to `drive` (batch, neurons)."""
        if not self._count:
            return
        layout, rows = self.layout, self.weights.to_hidden.shape[0]
        kept, signal = self._rows()
        into_hidden, into_visible = self._factors(len(pre))
        gained = pre * self._row_gain()
        drive[:, layout.hidden] += (gained[:, :rows] @ kept[:, :rows].T) @ (
            signal[:, layout.hidden] * into_hidden
        )
        if self.weights.lateral:  # no neuron feeds itself
            drive[:, layout.hidden] -= gained[:, layout.hidden] * (into_hidden * self._self_drive)
        drive[:, layout.visible] += (pre[:, layout.hidden] @ kept[:, layout.hidden].T) @ (
            signal[:, layout.visible] * into_visible
        )

    def flush(self) -> None:
        """Apply the pending updates to the weights and clear them."""
        if not self._count:
            return
        weights, first = self.weights, self._first
        batch, rows, n_visible = self._pre.shape[1], weights.to_hidden.shape[0], self.layout.n_visible
        into_hidden, into_visible = self._factors(batch)
        total = self._signal[: self._count].sum(0)
        pre, signal = self._rows()
        if self.rule.decay:
            shrink = np.float32(1.0 - self.alpha * self.rule.decay)
            weights.to_hidden[...] *= shrink
            weights.to_visible[...] *= shrink
        split = n_visible - first  # column of the first hidden neuron
        gain = self._row_gain()
        if self._constant is not None:  # constant rates: a product of rank batch for all iterations
            block = weights.to_hidden[:first]
            block += into_hidden * gain[0] * (self._constant.T @ total[:, split:])
        block = weights.to_hidden[first:]
        block += into_hidden * gain[first:rows, None] * (pre[:, : rows - first].T @ signal[:, split:])
        block = weights.to_visible[:, first:]
        block += into_visible * (pre[:, split:].T @ signal[:, :split])
        if weights.lateral:
            np.fill_diagonal(weights.to_hidden[self.layout.hidden], 0.0)
        if not self.immediate:
            self._bias_learns(total.sum(0))
        self._count, self._self_drive = 0, np.zeros_like(self._self_drive)

    def _bias_learns(self, signal: Float32) -> None:
        """Update the biases by `signal`, summed over the batch, from column `first` on."""
        into_visible = np.float32(self.alpha / self._pre.shape[1])
        split = self.layout.n_visible - self._first
        self.weights.bias[self._first : self.layout.n_visible] += into_visible * signal[:split]
        if self.generating is None:
            self.weights.bias[self.layout.hidden] += into_visible * signal[split:]

    def _rows(self) -> tuple[Float32, Float32]:
        """The pending rates and signals as two matrices (rows, columns)."""
        columns = self._pre.shape[2]
        return (
            self._pre[: self._count].reshape(-1, columns),
            self._signal[: self._count].reshape(-1, columns),
        )

    def _factors(self, batch: int) -> tuple[np.float32, np.float32]:
        """Learning rates of weights into hidden and into visible neurons, divided by the batch."""
        alpha = self.alpha / batch
        return np.float32(alpha * self.rule.hidden_gain), np.float32(alpha)

    def _row_gain(self) -> Float32:
        """Factors of the learning rate of weights into hidden neurons by presynaptic neuron, (neurons,)."""
        others, labels = (1.0, 1.0) if self.generating is None else (0.0, self.generating)
        gain = np.full(self.layout.n, others, np.float32)
        gain[self.layout.outputs] = self.rule.feedback_gain * labels
        return gain
