"""Workers of a sweep or of several runs: Dask on this machine, or a scheduler's; who waits is told why."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from spikesim.errors import EngineError, MissingExtraError

TIMEOUT = "10s"  # for the answer of a scheduler
PATIENCE = 60.0  # seconds without a worker that takes trials
ATTEMPTS = 3  # of a trial whose workers die


class Cluster:
    """A Dask client: of a cluster on this machine, or of a scheduler."""

    def __init__(self, workers: int, scheduler: str | None) -> None:
        try:
            from dask import config

            config.set({"logging.distributed": "error", "distributed.scheduler.allowed-failures": ATTEMPTS})
            from distributed import Client, LocalCluster
        except ImportError as problem:
            raise MissingExtraError("dask", "sweep") from problem
        self._cluster = None
        if scheduler is None:
            # Without a limit: Dask holds back all work of a process that needs more than its share of what it
            # takes for the machine's memory, without a word.
            self._cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, memory_limit=None, dashboard_address="127.0.0.1:0"
            )
            self.client = Client(self._cluster)
            return
        try:
            self.client = Client(scheduler, timeout=TIMEOUT)
        except (OSError, ValueError, asyncio.TimeoutError) as problem:
            raise EngineError(
                f"the scheduler {scheduler!r} does not answer ({problem}); start one with `dask scheduler`, "
                f"and give its address, for example tcp://localhost:8786"
            ) from problem
        if not self.client.nthreads():
            self.client.close()
            raise EngineError(
                f"the scheduler {scheduler!r} has no workers; start some with `dask worker {scheduler}`"
            )

    def __enter__(self) -> Any:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self._cluster is not None:
            self._cluster.close()


def next_done(client: Any, futures: list[Any]) -> Any:
    """The next future that is done.

    Raises:
        EngineError: for `PATIENCE` seconds the scheduler has had no worker that takes trials.
    """
    from distributed import wait

    taken = time.monotonic()  # when a worker was last seen that takes trials
    while True:
        try:
            return next(iter(wait(futures, timeout=PATIENCE / 20, return_when="FIRST_COMPLETED").done))
        except (TimeoutError, asyncio.TimeoutError):  # two kinds before Python 3.11
            workers = client.scheduler_info(n_workers=-1)["workers"]
        if any(worker["status"] == "running" for worker in workers.values()):
            taken = time.monotonic()
        if time.monotonic() - taken > PATIENCE:
            states = {where: worker["status"] for where, worker in workers.items()} or "none is left"
            raise EngineError(
                f"the scheduler has had no worker that takes trials for {PATIENCE:g} s (workers: {states}); "
                f"a worker that is paused needs more memory: start it with `--memory-limit 0`. Finished "
                f"trials are kept; the same command goes on"
            )
