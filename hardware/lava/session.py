"""Runs of Lava that always end: processes are stopped or killed on every path.

Lava starts an operating-system process for each of its processes. Without `stop` they keep the interpreter
from exiting, and if one fails the others wait forever. A `Session` monitors them while it waits, and kills
those that remain when it closes. On Linux the kernel kills them when this process is killed.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import EngineError
from spikesim.hardware.lava.install import require_hardware

BUFFER = 64  # capacity of a channel between Lava and this process, steps
AHEAD = 32  # steps that are sent before the first is read
PATIENCE = 1.0  # seconds between checks of the processes

Reals = npt.NDArray[np.float64]
Tap = tuple[str, str, int]  # what is read ("s" or "v"), of which population, of which of its processes


class Session:
    """Streams numbers into and out of a graph of processes; a context manager.

    Args:
        hardware: run on Loihi 2 instead of the CPU.

    Raises:
        EngineError: hardware that is not there.
    """

    def __init__(self, hardware: bool = False) -> None:
        if hardware:
            require_hardware()
        self._hardware = hardware
        self._injectors: dict[str, Any] = {}
        self._extractors: dict[Tap, Any] = {}
        self._wires: dict[Tap, Any] = {}
        self._root: Any = None
        self._restored: list[int] = []
        _open_sessions.add(id(self))

    def inject(self, name: str, n: int) -> Any:
        """An OutPort of shape (n,) that sends the values given to `stream` under this name."""
        from lava.proc.io.injector import Injector

        self._injectors[name] = Injector(shape=(n,), buffer_size=BUFFER)
        return self._injectors[name].out_port

    def extract(self, name: Tap, port: Any) -> None:
        """Let `stream` return what a port sends, under this name."""
        from lava.proc.io.extractor import Extractor

        self._extractors[name] = extractor = Extractor(shape=(int(np.prod(port.shape)),), buffer_size=BUFFER)
        port.connect(extractor.in_port)

    def watch(self, name: Tap, variable: Any) -> None:
        """Let `stream` return the value of a Var at the end of every step, under this name."""
        from lava.proc.io.extractor import VarWire

        self._wires[name] = wire = VarWire(buffer_size=BUFFER)
        wire.connect_var(variable)

    def __enter__(self) -> Session:
        return self

    def start(self, root: Any, tag: str) -> None:
        """Compile and start all processes connected to one.

        Args:
            root: any process.
            tag: "fixed_pt" or "floating_pt".
        """
        self._root = root
        with _deaf_children(), warnings.catch_warnings():
            # Lava searches every file beside a process for models, and warns of those it cannot import.
            warnings.filterwarnings("ignore", "Cannot import module", UserWarning)
            root.create_runtime(run_cfg=self._configuration(tag))
        for number in (
            signal.SIGTERM,
            signal.SIGHUP,
        ):  # else an ended program leaves processes waiting
            if _in_main_thread() and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _leave)
                self._restored.append(number)

    def stream(
        self,
        given: Mapping[str, Iterator[Reals]],
        steps: int,
        settings: Mapping[int, Iterable[tuple[Any, npt.NDArray[Any]]]] = MappingProxyType({}),
    ) -> Iterator[dict[Tap, Reals]]:
        """Run, and yield for every step: name -> (n,) of what is extracted and watched.

        Args:
            given: name -> values to inject, (n,) for each step.
            steps: of Lava's clock.
            settings: step -> Vars to set at its end, after all has been read, with their values.

        Raises:
            EngineError: a process of Lava has failed.
        """
        from lava.magma.core.run_conditions import RunSteps

        sent = 0
        ports = {k: e.out_port.external_pipe_csp_recv_port for k, e in self._extractors.items()}
        ports |= {k: w._pm_to_p_dst_port for k, w in self._wires.items()}
        done = 0
        for stop in sorted({*(step for step in settings if 0 < step < steps), steps}):
            self._root.run(condition=RunSteps(num_steps=stop - done, blocking=False))
            for t in range(done, stop):
                while sent < min(steps, t + AHEAD):
                    for name, injector in self._injectors.items():
                        injector.send(next(given[name]))
                    sent += 1
                yield {name: self._receive(port) for name, port in ports.items()}
            self._wait()
            for variable, values in settings.get(stop, ()):
                variable.set(values)
            done = stop

    def run(self, steps: int) -> None:
        """Run without sending or receiving anything.

        Args:
            steps: of Lava's clock.

        Raises:
            EngineError: a process of Lava has failed.
        """
        from lava.magma.core.run_conditions import RunSteps

        self._root.run(condition=RunSteps(num_steps=steps, blocking=False))
        self._wait()

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        self.close(orderly=kind is None)

    def close(self, orderly: bool = True) -> None:
        """Stop, and kill what does not stop."""
        while self._restored:
            signal.signal(self._restored.pop(), signal.SIG_DFL)
        runtime = getattr(self._root, "_runtime", None)
        try:
            if orderly and runtime is not None and runtime._is_started and not runtime._is_running:
                self._root.stop()
        finally:
            _end(runtime)
            for wire in self._wires.values():
                _end_wire(wire)
            self._wires.clear()
            _open_sessions.discard(id(self))

    def _configuration(self, tag: str) -> Any:
        from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
        from lava.proc.io.extractor import Extractor, PyLoihiExtractorModel
        from lava.proc.io.injector import Injector, PyLoihiInjectorModel

        kind = Loihi2HwCfg if self._hardware else Loihi2SimCfg
        # Both also have a model for another protocol, which the selection by tag would take.
        models = {Injector: PyLoihiInjectorModel, Extractor: PyLoihiExtractorModel}
        return kind(select_tag=tag, exception_proc_model_map=models)

    def _receive(self, port: Any) -> Reals:
        self._next(port)
        return port.recv()

    def _wait(self) -> None:
        """Wait for the end of a run, which never comes if a process has failed."""
        from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

        for port in self._root._runtime.service_to_runtime:
            while not enum_equal(self._next(port), MGMT_RESPONSE.DONE):
                self._check()  # a failure is told before its process has ended
                time.sleep(PATIENCE / 10)
        self._root.wait()

    def _next(self, port: Any) -> Any:
        """What a port will receive next."""
        while True:
            try:
                port._queue.get(timeout=PATIENCE, peek=True)
            except queue.Empty:
                self._check()
            else:
                return port.peek()

    def _check(self) -> None:
        ended = [actor for actor in _actors(self._root._runtime) if not actor.is_alive()]
        if not ended:
            return
        found = next((actor.exception for actor in ended if actor.exception), None)
        said = f": {found[0]!r}" if found else f", with exit code {ended[0].exitcode}"
        raise EngineError(f"Lava: one of its processes has ended during the run{said}")


_open_sessions: set[int] = set()
PR_SET_PDEATHSIG = 1  # prctl(2): the signal that the kernel sends when the parent ends


def _die_with_parent() -> None:
    """In a child process of an open session: let the kernel kill it when the parent ends, even by SIGKILL."""
    if _open_sessions and sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent or parent == 1:  # it ended meanwhile
            os._exit(1)


os.register_at_fork(after_in_child=_die_with_parent)


def _actors(runtime: Any) -> list[Any]:
    """The operating-system processes of a runtime that have not been joined."""
    infrastructure = getattr(runtime, "_messaging_infrastructure", None)
    return [actor for actor in getattr(infrastructure, "actors", ()) if not actor._is_done]


def _end(runtime: Any) -> None:
    """Release what a runtime still holds: processes, channels, shared memory; nothing after `stop`."""
    left = _actors(runtime)
    if runtime is None or not left:
        return
    for actor in left:
        actor.kill()
    for actor in left:
        actor.join()
    runtime._is_running = runtime._is_started = False
    runtime.join()
    with suppress(OSError, EOFError):
        runtime._messaging_infrastructure._smm.shutdown()
    runtime._watchdog_manager.stop()


def _end_wire(wire: Any) -> None:
    """Release the shared memory of a VarWire, which it would keep until it is garbage collected."""
    wire._pm_to_p_dst_port.join()
    with suppress(OSError, EOFError):
        wire._multi_processing.stop()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Child processes started in this context ignore Ctrl-C; this process handles it afterwards."""
    if not _in_main_thread():
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt
