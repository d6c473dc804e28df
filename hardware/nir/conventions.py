"""What a NIR file does not specify: conventions of the libraries that write it, and the assumptions in words.

NIR is in continuous time. A file contains neither dt nor how a reset is done and when, where a membrane
starts, or what a spike of the input is. `CONVENTIONS` holds what each library does by default with the graphs
that it exports; they are compared with the libraries themselves (`spikesim nir-table`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from types import MappingProxyType
from typing import Any, Literal

from spikesim.errors import DeclarationError
from spikesim.hardware.nir.nodes import ANALOG, NEURONS, Graph, NirError, Node, alike

CHOICES: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "fires": (">", ">="),
        "leak": ("euler", "exponential"),
        "gain": ("step", "impulse", "current", "weight", "norse", "sinabs"),
        "reset": ("value", "subtract", "none"),
        "reset_delay": (0, 1),
        "overshoot": ("keep", "refuse"),
        "start": ("zero", "v_leak", "v_reset"),
        "rounded": ("file", "kept", "decay"),
        "simplify": (False, True),
    }
)
ROUNDING = 2.0**-20  # relative; what a few operations in float32 may have left of a number
LEAKY = ("LIF", "CubaLIF")
INTEGRATING = ("IF", *LEAKY)


@dataclass(frozen=True)
class Convention:
    """What a NIR file does not specify; the defaults are NIR's definition, with the libraries' Euler steps.

    Attributes:
        dt: length of a step in the file's unit of time; None takes the one that a file of ours states, else
            the first of `steps` with which no time constant is shorter than a step, else 1 (the unit is a
            step).
        fires: at v ">" v_threshold, or ">=".
        leak: a step's decay is dt/tau ("euler") or 1 - exp(-dt/tau) ("exponential").
        gain: a spike is a current of 1 over a "step", or an "impulse"; or it adds w_in to the "current" of a
            CubaLIF, unscaled by its time constant, and is else as with "step"; or it adds the "weight" to the
            membrane (snnTorch), which a file states as r dt/tau = 1, and others are refused. "norse" is what
            its cells do: an impulse for an IF, a step for a LIF, a current for a CubaLIF; "sinabs" what its
            layers do: a step for a LIF (norm_input), an impulse for an IF, and a LI (ExpLeak).
        reset: to the "value" v_reset, by "subtract"-ing v_threshold, or "none".
        reset_delay: steps between a spike and its reset, 0 or 1; a reset to a value one step late takes away
            what comes in in that step (snnTorch's Synaptic, RLeaky and RSynaptic with "zero").
        overshoot: a membrane that is still at the threshold after the subtraction is "keep"-t, with one spike
            a step, or "refuse"-d when it occurs, since the library would do otherwise: sinabs sends several
            spikes in a step, and snnTorch with reset_delay=False holds such a neuron where it is.
        start: membranes start at "zero", "v_leak" (of an IF: v_reset), or "v_reset".
        rounded: the library holds the "kept" part 1 - decay (snnTorch's beta, sinabs's alpha) or the "decay"
            dt/tau (norse) as a float32, to which the file's number is rounded; "file": it is not.
        simplify: take products and quotients of float32 fields as the fraction with a denominator up to 4096
            that they may have been.
        steps: values of dt to choose from.

    Raises:
        DeclarationError: a field is out of range.
    """

    dt: float | None = None
    fires: Literal[">", ">="] = ">"
    leak: Literal["euler", "exponential"] = "euler"
    gain: Literal["step", "impulse", "current", "weight", "norse", "sinabs"] = "step"
    reset: Literal["value", "subtract", "none"] = "value"
    reset_delay: int = 0
    overshoot: Literal["keep", "refuse"] = "keep"
    start: Literal["zero", "v_leak", "v_reset"] = "zero"
    rounded: Literal["file", "kept", "decay"] = "file"
    simplify: bool = False
    steps: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for dt in (self.dt, *self.steps):
            if dt is not None and not (isfinite(dt) and dt > 0):
                raise DeclarationError(f"Convention: dt = {dt!r}; a positive number is needed")
        for key, values in CHOICES.items():
            value = getattr(self, key)
            if value not in values or isinstance(value, bool) != isinstance(values[0], bool):
                raise DeclarationError(
                    f"Convention: {key} = {value!r}; known: {', '.join(str(v) for v in values)}"
                )
        if self.reset_delay and self.reset == "none":
            raise DeclarationError("Convention: reset_delay = 1 with reset = 'none', which has no reset")

    def gain_of(self, kind: str) -> str:
        """The gain of a kind of node: "step", "impulse", "current" or "weight"."""
        if self.gain == "norse":
            return {"IF": "impulse", "CubaLIF": "current"}.get(alike(kind), "step")
        if self.gain == "sinabs":
            return "impulse" if kind in (*ANALOG, "IF") else "step"
        return self.gain

    def resets_of(self, kind: str) -> dict[str, Any]:
        """The fields of a LIF that say how a kind of node is reset."""
        if kind == "Threshold" or self.reset == "value":
            late = self.reset_delay and kind != "Threshold"
            return {"reset": "value", "refractory": 1} if late else {"reset": "value"}
        if self.reset == "none":
            return {"reset": "none"}
        more = {"reset_delay": 1} if self.reset_delay else {"overshoot": self.overshoot}
        return {"reset": "subtract", **more}

    def step(self, graph: Graph, stated: float | None) -> float:
        """The length of a step for a graph, in its unit of time; `stated` is that of a file of ours."""
        if self.dt is not None or stated is not None:
            return float(self.dt if self.dt is not None else stated or 1.0)
        shortest = _shortest(graph) * (1 + ROUNDING)
        fitting = [dt for dt in self.steps if dt <= shortest]
        return (fitting or self.steps[-1:] or (1.0,))[0]


# What each library does by default, with the files that it writes.
CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {
        "nir": Convention(),
        "snntorch": Convention(
            dt=1e-4, gain="weight", reset="subtract", reset_delay=1, overshoot="refuse", rounded="kept"
        ),
        "spikingjelly": Convention(dt=1e-4, fires=">=", start="v_reset"),
        "norse": Convention(gain="norse", start="v_leak", rounded="decay", steps=(1e-3, 1e-6)),
        "norse-cuba": Convention(dt=1e-3, gain="current", start="v_leak"),
        "norse-if": Convention(dt=1e-3, gain="impulse", start="v_leak"),
        "sinabs": Convention(
            dt=1.0,
            fires=">=",
            leak="exponential",
            gain="sinabs",
            reset="subtract",
            overshoot="refuse",
            rounded="kept",
        ),
    }
)


def _shortest(graph: Graph) -> float:
    """The shortest time constant of a graph; infinite without any."""
    constants = [
        node.array(key).min(initial=float("inf"))
        for node in graph.nodes.values()
        for key in ("tau", "tau_syn", "tau_mem")
        if alike(node.kind) in LEAKY and key in node.values
    ]
    return min(constants, default=float("inf"))


def chosen_step(convention: Convention, dt: float) -> str:
    """How dt was found for a file that does not state it, in a sentence."""
    if not convention.steps:
        return f"no dt given and none stored in the file; assuming dt = {dt:g} file time unit"
    choice = ", ".join(f"{step:g}" for step in convention.steps)
    return (
        f"no dt given and none stored in the file; dt = {dt:g}, the first of {choice} with which no time "
        "constant is shorter than a step"
    )


def check_unscaled(node: Node, what: str, factor: float) -> None:
    """Check that a file says of neurons whose input is added as it is that their factor is 1.

    Raises:
        NirError: the factor differs from 1 by more than a few roundings of float32.
    """
    if abs(factor - 1) > ROUNDING:
        raise NirError(
            f"{node.name} ({node.kind}): {what} = {factor:.7g}, and gain = 'weight' (snnTorch) adds an input "
            "to the membrane as it is, which files state as 1. Give gain = 'step', and the dt that the file "
            "was made for"
        )


def assumptions(graph: Graph, convention: Convention, dt: float) -> str:
    """What was assumed about a graph that its file does not say, in a sentence; "" without neurons."""
    found = [node.kind for node in graph.nodes.values() if node.kind in NEURONS]
    kinds = {alike(kind) for kind in found}
    if not kinds:
        return ""
    said = [f"dt = {dt:g}"]
    fires = any(kind not in ANALOG for kind in found)
    said += [f"fires at v {convention.fires} v_threshold"] if fires else []
    if kinds & set(LEAKY):
        said.append(f"a step's decay is {'dt/tau' if convention.leak == 'euler' else '1 - exp(-dt/tau)'}")
        rounded = {"kept": "1 - decay rounded to float32", "decay": "dt/tau rounded to float32"}
        said += [rounded[convention.rounded]] if convention.rounded in rounded else []
    if kinds & set(INTEGRATING):
        said.append(_gains(found, convention))
        said += [_reset(convention)] if fires else []
        said.append(_start(kinds, convention))
        said += (
            ["spikes of 1, no lower bound of v, no inhibition among the neurons of a layer"] if fires else []
        )
    return f"assumed, since a NIR file does not say so: {'; '.join(said)}"


def _gains(kinds: Iterable[str], convention: Convention) -> str:
    words = {
        "step": "a spike is a current of 1 over a step",
        "impulse": "a spike adds r x at once",
        "current": "a spike adds w_in x to the current",
        "weight": "a spike adds its weight",
    }
    found = {
        kind: words[convention.gain_of(kind)] for kind in NEURONS if kind in kinds and kind != "Threshold"
    }
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{kind}: {said}" for kind, said in found.items())


def _reset(convention: Convention) -> str:
    words = {"value": "reset to v_reset", "subtract": "reset by subtracting v_threshold", "none": "no reset"}
    said = words[convention.reset]
    if convention.reset == "none":
        return said
    late = " one step late" if convention.reset_delay else " in the step of the spike"
    refuses = convention.resets_of("LIF").get("overshoot") == "refuse"
    return said + late + (", a membrane still above it is an error" if refuses else "")


def _start(kinds: Iterable[str], convention: Convention) -> str:
    if convention.start == "v_leak" and not set(LEAKY) & set(kinds):
        return "membranes start at v_reset"
    return f"membranes start at {'0' if convention.start == 'zero' else convention.start}"


def shown(convention: Convention) -> dict[str, Any]:
    """The fields of a convention by name, for JSON."""
    return {f.name: getattr(convention, f.name) for f in fields(convention)}
