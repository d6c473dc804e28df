"""A learner as a graph of Lava's processes, all of them stock but those that clear their traces.

    input ==> hid1 ==> ... ==> out            LearningDense into LIFReset, which sends its spikes back to it
    teacher --> err_out <-- out               labels and output onto the error neurons of the output
    err_out ==> ... ==> err1                  fixed feedback (FA; DFA from err_out to each), or weights that
                                              the host transports (SW)
    err_k --> layer k                         the injection

The error neurons of a layer are one LIFReset of 2 n: the first n fire for positive errors, the others for
negative ones. The teacher sends labels, and three lines that say where in the trial it is: CLOSED silences
error neurons; SECOND and CLEAR serve the gate. A gate is a latch of n neurons, which excite themselves: one
that its partner excites in the first phase fires until the trial's end; its spikes lift the inhibition of the
partner's error neurons.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.hardware.lava.session import Tap
from spikesim.hardware.onchip.learner import Ints, Layer, Learner

CLOSED, SECOND, CLEAR = 0, 1, 2  # the teacher's lines, after the labels
LINES = 3
LATCH = {"from partner": 2, "to itself": 4, "second": -2, "clear": -16}  # thresholds at 2
NO_DECAY = 2**60  # of a trace in fixed point: exp(-1 / tau) is 1


class LearnerGraph:
    """The processes of a learner, connected to the ports of its sources.

    Args:
        learner: the learner.
        source: an OutPort (n_in,) of the input's spikes.
        teacher: an OutPort (n_out + LINES,), see `teacher_train`.
        clearing: connections clear their traces where a phase ends; else the host does it.

    Attributes:
        plastic: the LearningDense of each layer.
        feedback: the Dense of each hidden layer's feedback that the host sets ("symmetric"); else empty.
        spiking: the OutPorts of the layers and of their error neurons.
        processes: number of these processes.
    """

    def __init__(self, learner: Learner, source: Any, teacher: Any, clearing: bool = False) -> None:
        self.learner, self._fixed, self._clearing = learner, learner.arithmetic == "fixed", clearing
        self._made: list[Any] = []
        self.feedback: list[Any] = []
        self.spiking: dict[Tap, Any] = {}
        L = len(learner.layers)
        self.plastic, cells, errors = [], [], []
        sent = source
        for layer in learner.layers:
            dense = self._plastic(layer)
            sent.connect(dense.s_in)
            neurons = self._neurons(layer.name, layer.n, layer.theta, layer.unit, learner.half, 1)
            dense.a_out.connect(neurons.a_in)
            neurons.s_out.connect(dense.s_in_bap)
            self.spiking["s", layer.name, 0] = neurons.s_out
            self.plastic.append(dense)
            cells.append(neurons)
            sent = neurons.s_out
        for k, layer in enumerate(learner.layers):
            unit = self._error_unit(k)
            errors.append(
                self._neurons(f"error:{layer.name}", 2 * layer.n, layer.theta_error, unit, learner.half, 2)
            )
            self.spiking["s", f"error:{layer.name}", 0] = errors[k].s_out
            w = np.vstack([np.eye(layer.n), -np.eye(layer.n)]).T * layer.inject
            self._dense(f"inject:{layer.name}", w, layer.unit, errors[k].s_out, cells[k].a_in)
        last = learner.layers[-1]
        eye = np.vstack([np.eye(last.n), -np.eye(last.n)]) * learner.loss
        self._dense("loss:out", -eye, last.unit, cells[-1].s_out, errors[-1].a_in)
        self._dense("loss:label", _with_lines(eye), last.unit, teacher, errors[-1].a_in)
        for k in range(L):
            open_by = None
            if learner.gate and k < L - 1:
                open_by = self._latch(k, cells[k], teacher)
            self._gates(k, teacher, errors[k], open_by)
        for k in range(L - 1):
            above = errors[L - 1 if learner.feedback == "dfa" else k + 1]
            self._feedback(k, above.s_out, errors[k].a_in)
        self.root = cells[0]

    @property
    def processes(self) -> int:
        """Number of these processes, each an operating-system process; without sources and observers."""
        return len(self._made)

    def _error_unit(self, k: int) -> float:
        """Value of a count of an error neuron's input."""
        layers = self.learner.layers
        return layers[min(k + 1, len(layers) - 1)].unit

    def _plastic(self, layer: Layer) -> Any:
        from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
        from lava.proc.dense.process import LearningDense

        equation, impulse = rule(self.learner, layer)
        tau = NO_DECAY if self._fixed else np.inf
        settings: dict[str, Any] = {
            "weights": self._values(layer.w.T, layer.unit),
            "learning_rule": Loihi2FLearningRule(
                dw=equation, x1_impulse=impulse, x1_tau=tau, y1_impulse=1, y1_tau=tau, y2_impulse=1,
                y2_tau=tau, t_epoch=self.learner.half, rng_seed=1,
            ),
            "name": f"plastic:{layer.name}",
        }  # fmt: skip
        if self._clearing:
            from spikesim.hardware.onchip.processes.learning import TrialDense

            made = TrialDense(clears_x1=self.learner.h_pre == "second", **settings)
        else:
            made = LearningDense(**settings)
        self._made.append(made)
        return made

    def _neurons(self, name: str, n: int, theta: int, unit: float, interval: int, offset: int) -> Any:
        from lava.proc.lif.process import LIFReset

        vth: Any = theta - 1 if self._fixed else float(np.nextafter(theta * unit, -np.inf))
        made = LIFReset(
            shape=(n,), du=4095 if self._fixed else 1.0, dv=0 if self._fixed else 0.0, vth=vth,
            reset_interval=interval, reset_offset=offset, name=name,
        )  # fmt: skip
        self._made.append(made)
        return made

    def _dense(self, name: str, w: npt.NDArray[Any], unit: float, sent: Any, received: Any) -> Any:
        """A Dense of integers (n_post, n_pre); in fixed point 8 bits and an exponent."""
        from lava.proc.dense.process import Dense

        exponent = 0
        if self._fixed:
            if (w % 2).any():  # twice the weight and half the sum: Lava keeps even weights of mixed signs
                w, exponent = 2 * w, exponent - 1
            while np.abs(w).max(initial=0) > 254:
                w, exponent = w / 2, exponent + 1
            made = Dense(weights=w.astype(np.int32), weight_exp=exponent, name=name)
        else:
            made = Dense(weights=w * unit, name=name)
        sent.connect(made.s_in)
        made.a_out.connect(received)
        self._made.append(made)
        return made

    def _values(self, w: Ints, unit: float) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = w.astype(np.int32) if self._fixed else w * unit
        return found

    def _feedback(self, k: int, sent: Any, received: Any) -> None:
        layer = self.learner.layers[k]
        name, unit = f"feedback:{layer.name}", self._error_unit(k)
        if layer.feedback is None:
            made = self._dense(name, signed(self.learner.layers[k + 1].w), unit, sent, received)
            self.feedback.append(made)
        else:
            self._dense(name, signed(layer.feedback.T), unit, sent, received)

    def _gates(self, k: int, teacher: Any, errors: Any, open_by: Any) -> None:
        """The inhibition of error neurons where they are closed."""
        layer = self.learner.layers[k]
        n, labels = layer.n, self.learner.layers[-1].n
        strength = self._strength(k)
        w = np.zeros((2 * n, labels + LINES))
        w[:, labels + CLOSED] = -strength * (2 if open_by is not None else 1)
        if open_by is not None:
            w[:, labels + SECOND] = -strength
            lifting = np.vstack([np.eye(n), np.eye(n)]) * strength
            self._dense(f"open:{layer.name}", lifting, self._error_unit(k), open_by, errors.a_in)
        self._dense(f"close:{layer.name}", w, self._error_unit(k), teacher, errors.a_in)

    def _strength(self, k: int) -> int:
        """An inhibition above all that an error neuron can receive in a step, 2 m 2**x with m <= 63."""
        one, layer = self.learner, self.learner.layers[k]
        if k == len(one.layers) - 1:
            most = 2 * one.loss
        elif layer.feedback is not None:
            most = int(np.abs(layer.feedback).sum(0).max())
        else:
            above = one.layers[k + 1]
            most = above.n * (256 if self._fixed else round(8 / above.unit))
        return 2 ** int(np.ceil(np.log2(most + layer.theta_error + 1)) + 1)

    def _latch(self, k: int, cells: Any, teacher: Any) -> Any:
        """Neurons that fire from a partner's first spike in the first phase to the end of the trial."""
        layer = self.learner.layers[k]
        n, labels = layer.n, self.learner.layers[-1].n
        latch = self._neurons(f"latch:{layer.name}", n, 2, 1.0, self.learner.T, 2)
        w = np.zeros((n, labels + LINES))
        w[:, labels + SECOND] = LATCH["second"]
        w[:, labels + CLEAR] = LATCH["clear"]
        self._dense(f"latch:{layer.name}:teacher", w, 1.0, teacher, latch.a_in)
        partner, itself = np.eye(n) * LATCH["from partner"], np.eye(n) * LATCH["to itself"]
        self._dense(f"latch:{layer.name}:partner", partner, 1.0, cells.s_out, latch.a_in)
        self._dense(f"latch:{layer.name}:itself", itself, 1.0, latch.s_out, latch.a_in)
        return latch.s_out


def signed(w: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Feedback (n, n_above) between pairs of error neurons: (2 n, 2 n_above)."""
    return np.block([[w, -w], [-w, w]])


def rule(learner: Learner, layer: Layer) -> tuple[str, float]:
    """The learning rule of a layer as Lava reads it, and the impulse of the presynaptic trace."""
    if learner.arithmetic == "fixed":
        e = layer.eta
        return f"4*2^{e + 1}*u1*x1*y2 - 4*2^{e}*u1*x1*y1", 2
    eta = layer.eta + round(np.log2(layer.unit))
    e = min(max(eta, -7), 8)
    return f"2^{e + 1}*u1*x1*y2 - 2^{e}*u1*x1*y1", 2.0 ** (eta - e)


def teacher_train(learner: Learner, label: int) -> npt.NDArray[np.float64]:
    """What the teacher sends in each step of a trial: (T, n_out + LINES)."""
    half, hops, n = learner.half, len(learner.layers), learner.layers[-1].n
    sent = np.zeros((learner.T, n + LINES))
    first = half + hops
    sent[first : first + len(learner.label), label] = learner.label
    sent[:half, n + CLOSED] = 1
    sent[learner.T - hops - 1 :, n + CLOSED] = 1
    sent[half - 1 : -1, n + SECOND] = 1
    sent[-2, n + CLEAR] = 1
    return sent


def _with_lines(w: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.pad(w, ((0, 0), (0, LINES)))
