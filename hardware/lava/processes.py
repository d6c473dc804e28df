"""Stock processes of Lava, constructed from the plain numbers of a `LavaGraph`."""

from __future__ import annotations

from typing import Any

import numpy as np

from spikesim.hardware.lava.graph import Cells, Convolution, LavaGraph, Link

DELAY_OF_A_PROCESS = 1  # a connection sends what it computed in the step before


def neurons(graph: LavaGraph, cells: Cells, T: int) -> Any:
    """LIFReset, which clears itself at the start of a trial; TernaryLIF, which needs `resets`; or LIF, where
    a trial starts with other than zeros, which the player sets.

    Args:
        graph: where the cells belong.
        cells: what to make.
        T: steps of a trial.
    """
    from lava.proc.lif.process import LIF, LIFReset, TernaryLIF

    whole = graph.arithmetic == "fixed"
    kind = int if whole else float
    bias = cells.bias_mant.astype(np.int32 if whole else np.float64)
    shared = {
        "shape": (cells.n,),
        "du": kind(cells.du),
        "dv": kind(cells.dv),
        "bias_mant": bias,
        "bias_exp": cells.bias_exp,
        "v": np.full(cells.n, cells.v0, np.int32 if whole else np.float64),
        "name": cells.name,
    }
    if cells.starts_elsewhere:
        if cells.start == 1:  # nothing runs before
            shared |= {"v": cells.v_start.astype(bias.dtype), "u": cells.u_start.astype(bias.dtype)}
        return LIF(vth=kind(cells.vth), **shared)
    if not cells.ternary:
        return LIFReset(vth=kind(cells.vth), reset_interval=T, reset_offset=cells.start, **shared)
    return TernaryLIF(vth_hi=kind(cells.vth), vth_lo=kind(-cells.vth), **shared)


def resets(process: Any, cells: Cells, T: int) -> tuple[Any, ...]:
    """Reset processes that clear the current and the membrane of a process after every trial."""
    from lava.proc.io.reset import Reset

    found = []
    for variable in (process.u, process.v):
        # A Reset acts at the end of a step, and counts from 0: in the step before a trial begins.
        reset = Reset(reset_value=0, interval=T, offset=(cells.start - 2) % T)
        reset.connect_var(variable)
        found.append(reset)
    return tuple(found)


def connection(graph: LavaGraph, link: Link) -> Any:
    """Dense, Sparse or Conv; DelayDense or DelaySparse."""
    from lava.proc.conv.process import Conv
    from lava.proc.dense.process import DelayDense, Dense
    from lava.proc.sparse.process import DelaySparse, Sparse
    from lava.utils.weightutils import SignMode
    from scipy.sparse import csr_matrix

    kind = np.int32 if graph.arithmetic == "fixed" else np.float64
    weights = link.weights.astype(kind)
    shared: dict[str, Any] = {"num_message_bits": 2 if link.graded else 0, "name": link.name}
    if graph.arithmetic == "fixed":
        shared["weight_exp"] = link.weight_exp
        if link.mixed:  # else Lava takes the mode from the weights
            shared["sign_mode"] = SignMode.MIXED
    late = link.delay - DELAY_OF_A_PROCESS
    if link.convolution is not None:
        return Conv(weight=_kernel(weights), **_geometry(link.convolution), **shared)
    if isinstance(weights, csr_matrix):
        weights.eliminate_zeros()  # else DelaySparse changes the structure in every step
        if not late:
            return Sparse(weights=weights, **shared)
        delays = csr_matrix(
            (np.full(weights.nnz, late), weights.indices, weights.indptr), shape=weights.shape
        )
        return DelaySparse(weights=weights, delays=delays, max_delay=late, **shared)
    if not late:
        return Dense(weights=weights, **shared)
    delays = np.full(weights.shape, late, int)
    return DelayDense(weights=weights, delays=delays, max_delay=late, **shared)


def _kernel(weights: Any) -> Any:
    """(out, in, rows, columns) of a correlation as (out, columns, rows, in) of Lava's convolution."""
    return np.ascontiguousarray(weights[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))


def _geometry(c: Convolution) -> dict[str, Any]:
    """Arguments of Conv, in Lava's order: columns, rows, channels."""
    return {
        "input_shape": c.shape[::-1],
        "stride": c.stride[::-1],
        "padding": c.padding[::-1],
        "groups": c.groups,
    }


def feed(port: Any, process: Any, convolution: Convolution | None) -> None:
    """Connect spikes (n,) to a connection process; neurons are numbered by channel, then by row."""
    if convolution is None:
        port.connect(process.s_in)
    else:
        port.reshape(convolution.shape).transpose((2, 1, 0)).connect(process.s_in)


def drive(process: Any, port: Any, convolution: Convolution | None) -> None:
    """Connect a connection process to the input (n,) of neurons."""
    if convolution is None:
        process.a_out.connect(port)
    else:
        process.a_out.transpose((2, 1, 0)).flatten().connect(port)
