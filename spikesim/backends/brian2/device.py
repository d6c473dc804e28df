"""Brian2's devices and preferences, set temporarily: Brian2's global state is restored afterwards.

numpy, cython    Brian2's runtime device, step by step from Python
cpp_standalone   a C++ program that Brian2 writes, compiles and runs, in a temporary folder

Compiled code is built without -ffast-math and without fused multiply-add, which Brian2 would otherwise use:
sums of integers are exact either way, and products of real numbers are then rounded as by numpy.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from spikesim.errors import EngineError, MissingExtraError, unknown

Code = Literal["numpy", "cython", "cpp_standalone"]
CODE = ("numpy", "cython", "cpp_standalone")
Simulate = Callable[[Any, int], float]
_MAKE = "devices.cpp_standalone.extra_make_args_unix"
_FLAGS = ("codegen.cpp.extra_compile_args", "codegen.cpp.extra_compile_args_gcc")


def brian2_module() -> Any:
    """The module brian2.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import brian2
    except ModuleNotFoundError as problem:
        raise MissingExtraError("brian2", "brian2") from problem
    return brian2


def check_code(code: str) -> None:
    """Check the name of a code generation target.

    Raises:
        EngineError: it is not in CODE.
    """
    if code not in CODE:
        raise EngineError(f"brian2: {unknown('kind of code', code, CODE)}")


@contextmanager
def generating(b2: Any, code: str) -> Iterator[Simulate]:
    """A context with a device and a code generation target, in which Brian2 objects are built and read.

    Yields:
        simulate(network, steps): runs a Brian2 network for a number of steps of one second, once. Returns
        the run time in seconds; for a C++ program without compilation.
    """
    target = "numpy" if code == "cpp_standalone" else code
    changed: dict[str, Any] = {"codegen.target": target} | {key: _exact(b2.prefs[key]) for key in _FLAGS}
    changed[_MAKE] = [f"-j{os.cpu_count() or 1}"]  # by default, make starts all compilers at once
    before = {key: b2.prefs[key] for key in changed}
    try:
        for key, value in changed.items():
            b2.prefs[key] = value
        with _standalone(b2) if code == "cpp_standalone" else _runtime(b2) as simulate:
            yield simulate
    finally:
        for key, value in before.items():
            b2.prefs[key] = value


def _exact(flags: list[str] | None) -> list[str] | None:
    if flags is None:
        return None
    return [*(flag for flag in flags if flag != "-ffast-math"), "-ffp-contract=off"]


@contextmanager
def _device(device: Any, **options: Any) -> Iterator[None]:
    """Set another device of Brian2, and restore the previous one."""
    from brian2.devices.device import get_device, reset_device, set_device

    if get_device() is device:
        yield
        return
    set_device(device, **options)
    try:
        yield
    finally:
        reset_device()


@contextmanager
def _runtime(b2: Any) -> Iterator[Simulate]:
    from brian2.devices.device import runtime_device

    def simulate(network: Any, steps: int) -> float:
        start = time.perf_counter()
        network.run(steps * b2.second, namespace={})
        return time.perf_counter() - start

    with _device(runtime_device):
        yield simulate


@contextmanager
def _standalone(b2: Any) -> Iterator[Simulate]:
    # A new device: the global one may contain a program that the user is still building.
    from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

    with tempfile.TemporaryDirectory(prefix="spikesim-brian2-") as folder:
        device = CPPStandaloneDevice()

        def simulate(network: Any, steps: int) -> float:
            network.run(steps * b2.second, namespace={})
            try:
                device.build(directory=folder, compile=True, run=True, with_output=False)
            except (RuntimeError, OSError) as problem:
                raise EngineError(
                    f"brian2: the C++ program could not be built or run ({problem}); a C++ compiler and make "
                    f"are needed. Install them, or use code='numpy', which needs neither"
                ) from problem
            return float(device._last_run_time)

        with _device(device, build_on_run=False):
            yield simulate
