"""Workers that run trainings: processes of this machine, or a Dask cluster."""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Protocol

from narrowcast.errors import ToolError, UserError, one_line, shown
from narrowcast.extras import require_extra

if TYPE_CHECKING:
    from distributed import Client

_PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_CONNECT_SECONDS = 10.0
_MOST_DEATHS = 3  # per worker, without a finished training in between


class Workers(Protocol):
    """Runs functions in other processes.

    Attributes:
        count: Number of functions that run at the same time.
    """

    count: int

    @property
    def local(self) -> "LocalWorkers":
        """Workers of this machine, for functions that write files."""
        ...

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Run a module-level function with arguments that can be pickled."""
        ...

    def again(self, error: BaseException) -> bool:
        """Return whether a function that ended with this error is to be submitted again."""
        ...


class LocalWorkers:
    """Processes of this machine. They end with the parent process."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._deaths = 0
        self._pool = self._new()

    @property
    def local(self) -> "LocalWorkers":
        """These workers."""
        return self

    def _new(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.count, context, initializer=_end_with_parent)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Run a function in one of the processes."""
        with interruptions_wait(), _deaf_children():
            try:
                future = self._pool.submit(function, *arguments)
            except BrokenProcessPool:  # a worker was killed, which ends the whole pool
                self._pool.shutdown(wait=False)
                self._pool = self._new()
                future = self._pool.submit(function, *arguments)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: "Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            self._deaths = 0

    def again(self, error: BaseException) -> bool:
        """Submit the function of a killed worker again.

        Raises:
            ToolError: Too many workers were killed.
        """
        if not isinstance(error, BrokenProcessPool):
            return False
        self._deaths += 1
        if self._deaths > _MOST_DEATHS * self.count:
            raise ToolError(
                "one worker process after the other was killed, perhaps for lack of memory: "
                "finished trials are kept; run with fewer --workers and --resume"
            ) from None
        return True

    def close(self) -> None:
        """Terminate all processes."""
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


class ClusterWorkers:
    """The workers of a Dask cluster. Dask itself repeats the functions of lost workers."""

    def __init__(self, client: "Client", count: int, local: LocalWorkers) -> None:
        self.count, self.local = count, local
        self._client = client
        self._executor = client.get_executor(pure=False)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Run a function on one of the workers."""
        try:
            future: Future[Any] = self._executor.submit(function, *arguments)
        except Exception as error:  # of many types, if the scheduler is lost
            future = Future()
            future.set_exception(OSError(str(error)))
        return future

    def again(self, error: BaseException) -> bool:
        """Raise an error if the cluster was lost.

        Raises:
            ToolError: The scheduler was lost, or a training ended several workers.
        """
        from distributed import CancelledError as LostError  # noqa: PLC0415
        from distributed import KilledWorker  # noqa: PLC0415
        from distributed.comm.core import CommClosedError  # noqa: PLC0415

        lost = (KilledWorker, LostError, CancelledError, CommClosedError, OSError)
        if isinstance(error, lost):
            raise ToolError(
                f"the Dask cluster has lost a training ({type(error).__name__}): finished trials "
                "are kept; --resume goes on with them"
            ) from None
        return False


@contextmanager
def open_workers(cluster: str | None, count: int | None) -> Iterator[Workers]:
    """Start processes, or connect to a cluster.

    Args:
        cluster: Address of a Dask scheduler; None for processes of this machine.
        count: Greatest number of workers; None for all cores or all threads of the cluster.

    Raises:
        UserError: There is no cluster at that address, or it has no workers.
    """
    if cluster is None:
        with closing(LocalWorkers(count or os.cpu_count() or 1)) as local:
            yield local
        return
    require_extra("cluster", "--cluster")
    from distributed import Client  # noqa: PLC0415

    client, reason = None, ""
    try:
        client = Client(cluster, timeout=_CONNECT_SECONDS)
    except Exception as error:  # of many types, as of a wrong address or certificate
        reason = one_line(error)
    if client is None:
        # Dask leaves a client that closes itself when it is freed. If that happened while another
        # one starts, both would wait for the same lock for ever.
        gc.collect()
        raise UserError(
            f"--cluster {shown(cluster)}: no Dask scheduler answers there ({reason}): start one by "
            "'dask scheduler', with the same certificates if the address begins with tls://, or "
            "leave out --cluster"
        )
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise UserError(
                f"--cluster {cluster}: has no workers: start some by 'dask worker {cluster}'"
            )
        with closing(LocalWorkers(1)) as local:
            yield ClusterWorkers(client, min(threads, count or threads), local)


@contextmanager
def interruptions_wait() -> Iterator[None]:
    """Let what interrupts this process do so at the end: a process half started would complain."""
    if threading.current_thread() is not threading.main_thread():  # none is interrupted
        yield
        return
    came: list[int] = []
    before = {
        each: handler
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if callable(handler := signal.getsignal(each))
    }
    for each in before:
        signal.signal(each, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Keep SIGINT from processes that are started here: Ctrl-C reaches all, the parent ends them.

    A process inherits which signals are blocked.
    """
    resource_tracker.ensure_running()  # starting it would undo the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """Let the kernel of Linux kill this worker when its parent ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():  # it has ended before
        os._exit(1)
