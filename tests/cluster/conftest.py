"""A Ray cluster and object stores on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.conftest import ROOT

CLUSTER = """
import sys
from ray.cluster_utils import Cluster
node = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=node)
cluster.add_node(**node)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


def _amazon() -> Iterator[dict[str, str]]:
    """Variables that lead S3 clients to a server on this machine; none where moto is missing."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        yield {}
        return
    server = ThreadedMotoServer(port=0)
    server.start()
    _, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


def _google() -> Iterator[dict[str, str]]:
    """The same for Google Cloud Storage; none where gcp-storage-emulator is missing."""
    try:
        from gcp_storage_emulator.server import create_server
    except ImportError:
        yield {}
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True)
    server.start()
    yield {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}
    server.stop()


@pytest.fixture(scope="session")
def object_stores() -> Iterator[dict[str, str]]:
    """Environment variables that lead the clients of s3:// and gs:// to servers on this machine."""
    with contextmanager(_amazon)() as amazon, contextmanager(_google)() as google:
        yield {**amazon, **google}


@pytest.fixture(scope="session")
def ray_cluster(object_stores: dict[str, str]) -> Iterator[str]:
    """Address of a Ray cluster of two nodes with one CPU each on this machine."""
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'descale[ray]'")
    # A process of its own, so that no test process ever holds a connection to the cluster.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),  # of this checkout, as the tests
        "RAY_DEDUP_LOGS": "0",
        "RAY_worker_niceness": "0",  # else workers starve while other tests keep every core busy
        **object_stores,
    }
    command = [sys.executable, "-c", CLUSTER]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    yield address
    process.communicate(timeout=60)
