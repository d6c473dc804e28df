"""A run of Lava that always ends: processes are stopped, or ended, on every path out.

Lava starts an operating-system process for each of its processes. A run that is left without `stop` keeps the
interpreter from ending, and one of them that fails leaves the others waiting. So `Session` waits with an eye
on them, and ends those that are left when it closes.
"""

from __future__ import annotations

import queue
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikesim.errors import EngineError
from spikesim.hardware.lava.install import require_hardware

BUFFER = 64  # steps that fit into a channel between Lava and here
AHEAD = 32  # steps that are sent before the first is read
PATIENCE = 1.0  # seconds between looks at the processes

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

    def inject(self, name: str, n: int) -> Any:
        """An OutPort of shape (n,) that sends what `stream` is given under this name."""
        from lava.proc.io.injector import Injector

        self._injectors[name] = Injector(shape=(n,), buffer_size=BUFFER)
        return self._injectors[name].out_port

    def extract(self, name: Tap, port: Any) -> None:
        """Let `stream` give back what a port sends, under this name."""
        from lava.proc.io.extractor import Extractor

        self._extractors[name] = extractor = Extractor(shape=(int(np.prod(port.shape)),), buffer_size=BUFFER)
        port.connect(extractor.in_port)

    def watch(self, name: Tap, variable: Any) -> None:
        """Let `stream` give back a Var as it is at the end of every step, under this name."""
        from lava.proc.io.extractor import VarWire

        self._wires[name] = wire = VarWire(buffer_size=BUFFER)
        wire.connect_var(variable)

    def __enter__(self) -> Session:
        return self

    def start(self, root: Any, tag: str) -> None:
        """Compile and start all that is connected to a process.

        Args:
            root: any process.
            tag: "fixed_pt" or "floating_pt".
        """
        self._root = root
        with _deaf_children(), warnings.catch_warnings():
            # Lava looks for models in every file beside a process, and tells of those that it cannot import.
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
        """Run, and give what every step brings: name -> (n,) of what is extracted and monitors.

        Args:
            given: name -> what is injected, (n,) a step.
            steps: of Lava's clock.
            settings: step -> Vars that are set at its end, when all has been read, and to what.

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
            self._root.wait()
            for variable, values in settings.get(stop, ()):
                variable.set(values)
            done = stop

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        self.close(orderly=kind is None)

    def close(self, orderly: bool = True) -> None:
        """Stop, and end what does not stop."""
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

    def _configuration(self, tag: str) -> Any:
        from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
        from lava.proc.io.extractor import Extractor, PyLoihiExtractorModel
        from lava.proc.io.injector import Injector, PyLoihiInjectorModel

        kind = Loihi2HwCfg if self._hardware else Loihi2SimCfg
        # Both have a model for another protocol too, which the choice by tag would fall upon.
        models = {Injector: PyLoihiInjectorModel, Extractor: PyLoihiExtractorModel}
        return kind(select_tag=tag, exception_proc_model_map=models)

    def _receive(self, port: Any) -> Reals:
        while True:
            try:
                port._queue.get(timeout=PATIENCE, peek=True)
            except queue.Empty:
                self._check()
            else:
                return port.recv()

    def _check(self) -> None:
        for actor in _actors(self._root._runtime):
            if not actor.is_alive():
                found = actor.exception
                said = f": {found[0]!r}" if found else f", with exit code {actor.exitcode}"
                raise EngineError(f"Lava: one of its processes has ended during the run{said}")


def _actors(runtime: Any) -> list[Any]:
    """The operating-system processes of a runtime that have not been joined."""
    infrastructure = getattr(runtime, "_messaging_infrastructure", None)
    return [actor for actor in getattr(infrastructure, "actors", ()) if not actor._is_done]


def _end(runtime: Any) -> None:
    """End what a runtime has left: processes, channels, shared memory; nothing after an orderly stop."""
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
    """A VarWire has shared memory of its own, which it would give back only when Python deletes it."""
    wire._pm_to_p_dst_port.join()
    with suppress(OSError, EOFError):
        wire._multi_processing.stop()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that begin now take no notice of Ctrl-C; this one does when they have begun."""
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
