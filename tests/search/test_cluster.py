"""Trainings on a Dask cluster of processes."""

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
import pytest
import trustme
from distributed import Client, LocalCluster
from distributed.security import Security
from test_run import GOALS, finished, no_trial_twice, trained

from narrowcast import load_config
from narrowcast.errors import ToolError, UserError
from narrowcast.search import run
from narrowcast.search.run import search
from narrowcast.search.workers import open_workers

CERTIFICATE = ("cert", "key")

HOUR = 3600.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time to connect."""
    monkeypatch.setattr("narrowcast.search.workers._CONNECT_SECONDS", HOUR)


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


@contextmanager
def after_trainings(count: int, out: Path, action: Callable[[], None]) -> Iterator[None]:
    """Do something beside the body once so many trainings have finished."""
    over = threading.Event()

    def watch() -> None:
        while trained(out) < count:
            if over.wait(0.05):
                return
        action()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@pytest.mark.long
def test_a_worker_killed_in_the_middle_costs_nothing(
    config_file: Path, tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MOST_PROBES", 6)
    out = tmp_path / "out"
    killed = next(iter(cluster.workers.values())).process
    pid = killed.pid
    with after_trainings(3, out, lambda: os.kill(pid, signal.SIGKILL)):
        search(load_config(config_file), out, GOALS, seconds=1, cluster=cluster.scheduler_address)
    assert killed.pid != pid  # another one stands in for it
    now = finished(out)
    assert no_trial_twice(now)
    assert len(now["probes"]) == 6 and len(now["trained"]) >= 7


@pytest.mark.long  # in each run, a worker is killed
def test_a_scheduler_that_dies_is_named(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MOST_PROBES", 6)
    out, file = tmp_path / "out", tmp_path / "scheduler.json"
    arguments = ["--no-dashboard", "--scheduler-file", str(file)]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *arguments]
    scheduler = subprocess.Popen([*command, "--port", "0"])
    command = [sys.executable, "-m", "distributed.cli.dask_worker", *arguments]
    worker = subprocess.Popen([*command, "--nthreads", "2"])
    try:
        with Client(scheduler_file=str(file), timeout=HOUR) as client:
            client.wait_for_workers(1)
            address = client.scheduler.address
        with (
            after_trainings(2, out, scheduler.kill),
            pytest.raises(ToolError, match=r"lost a training.*--resume goes on"),
        ):
            search(load_config(config_file), out, GOALS, seconds=HOUR, cluster=address)
    finally:
        scheduler.kill()
        worker.kill()
    assert len(finished(out)["probes"]) >= 2


def test_an_unreachable_scheduler_is_named(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("narrowcast.search.workers._CONNECT_SECONDS", 1.0)
    for address in ("tcp://127.0.0.1:1", "nonsense://there"):
        with pytest.raises(UserError, match="no Dask scheduler answers there"):
            search(load_config(config_file), tmp_path / "out", GOALS, seconds=5, cluster=address)
    assert not (tmp_path / "out").exists()


def test_a_client_that_failed_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python might collect it while the next one starts, and Dask would then wait for itself."""
    monkeypatch.setattr("narrowcast.search.workers._CONNECT_SECONDS", 1.0)
    gc.disable()
    try:
        with pytest.raises(UserError), open_workers("tls://127.0.0.1:1", None):
            pass
        clients = [each for each in gc.get_objects() if type(each) is Client]
    finally:
        gc.enable()
    assert all(client.status == "closed" for client in clients)


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[str]:
    """The address of a cluster that takes part in nothing but TLS, by Dask's configuration."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    key_and_chain = str(tmp_path / "host.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(key_and_chain)
    roles = [f"{role}.{file}" for role in ("scheduler", "worker", "client") for file in CERTIFICATE]
    settings = {
        "distributed.comm.require-encryption": True,
        "distributed.comm.tls.ca-file": str(tmp_path / "ca.pem"),
        **{f"distributed.comm.tls.{role}": key_and_chain for role in roles},
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            host="127.0.0.1",
            protocol="tls://",
            security=Security(),
            dashboard_address=None,
        ) as cluster,
    ):
        yield cluster.scheduler_address


def test_a_cluster_with_tls_trains_for_those_with_a_certificate(tls: str) -> None:
    assert tls.startswith("tls://")
    with open_workers(tls, None) as workers:
        assert workers.submit(max, 3, 5).result() == 5


def test_a_cluster_with_tls_takes_nobody_without_a_certificate(
    tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("narrowcast.search.workers._CONNECT_SECONDS", 2.0)
    stranger = str(tmp_path / "stranger.pem")
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(stranger)
    for file in (None, stranger):
        with (
            dask.config.set({f"distributed.comm.tls.client.{each}": file for each in CERTIFICATE}),
            pytest.raises(UserError, match="with the same certificates"),
            open_workers(tls, None),
        ):
            pass
    with (
        pytest.raises(UserError, match="no Dask scheduler answers there"),
        open_workers(tls.replace("tls://", "tcp://"), None),
    ):
        pass


def test_a_cluster_without_workers_is_named() -> None:
    with (
        LocalCluster(n_workers=0, dashboard_address=None) as empty,
        pytest.raises(UserError, match="has no workers"),
        open_workers(empty.scheduler_address, None),
    ):
        pass
