"""The worker beside a server, whatever dies of what both are forked from."""

import subprocess
import sys

import psutil
import pytest
from tools.service import Service, children_of, workers_of

from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow


def _worker(service: Service) -> psutil.Process:
    [worker] = workers_of(service)
    return worker


def test_a_worker_that_dies_is_replaced_in_a_moment(service: Service) -> None:
    first = _worker(service)
    children = children_of(first)
    first.kill()
    wait_for(lambda: workers_of(service) not in ([], [first]))
    wait_for(lambda: not any(child.is_running() for child in children))
    assert service.wait_report(service.trigger()).status_code == 200
    assert len(workers_of(service)) == 1


def test_a_worker_whose_fork_server_dies_is_replaced_by_one_more(service: Service) -> None:
    assert service.process is not None
    first = _worker(service)
    fork_server = first.parent()
    assert fork_server is not None
    assert fork_server.pid != service.process.pid
    fork_server.kill()
    wait_for(lambda: not first.is_running() and len(workers_of(service)) == 1)
    assert service.wait_report(service.trigger()).status_code == 200
    _worker(service).kill()
    wait_for(lambda: len(workers_of(service)) == 1)
    assert service.wait_report(service.trigger()).status_code == 200


def test_nothing_of_a_server_outlives_it(service: Service) -> None:
    assert service.process is not None
    for end in (service.kill, service.stop):
        assert service.wait_report(service.trigger()).status_code == 200
        below = psutil.Process(service.process.pid).children(recursive=True)
        assert len(below) >= 5
        end()
        wait_for(lambda found=below: not any(one.is_running() for one in found))  # type: ignore[misc]
        service.start()


def test_nothing_that_is_loaded_before_a_fork_starts_a_thread() -> None:
    code = (
        "import os\n"
        "from openhours.cli.output import server_part\n"
        "server_part('cli.serve')\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
