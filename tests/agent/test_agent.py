"""The agent as a process: outages, sleep, one of a name, and its service."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.service import Service

from openhours.agent import command
from openhours.agent.beat_queue import BeatQueue
from openhours.agent.loop import file_name, next_period
from openhours.settings import Settings
from openhours.times import iso, now
from tests.helpers.agent_process import AgentProcess, ScriptedServer, hang, reply
from tests.helpers.waiting import wait_for

NOWHERE = "http://127.0.0.1:9"  # nothing listens at the discard port


@pytest.mark.slow
@given(
    lateness=st.lists(st.floats(0, 0.49), min_size=1),
    asleep=st.floats(0, 1e6),
    after=st.lists(st.floats(0, 0.49), min_size=1),
)
def test_beats_are_at_whole_periods_since_the_start_however_late_single_ones_are(
    lateness: list[float], asleep: float, after: list[float]
) -> None:
    period = 0
    for number, late in enumerate(lateness):
        assert period == number
        period = next_period(period, period + late)
    woken = period + asleep
    following = next_period(period, woken)
    assert 0.5 <= following - woken <= 1.5, "no burst after sleep, and no pause"
    for number, late in enumerate(after, following):
        assert following == number
        following = next_period(following, following + late)


@pytest.mark.slow
def test_every_beat_arrives_once_though_the_server_is_killed_twice(
    settings: Settings, place: Path
) -> None:
    every = 0.4
    service = Service(place, OPENHOURS_WORKER="0").start()
    with AgentProcess(place, service.url, "--every", str(every)) as agent:
        agent.wait_until_said("the server has the beat")
        for _ in range(2):
            service.kill()
            time.sleep(3 * every)
            service.start()
            time.sleep(2 * every)
        service.kill()
        time.sleep(2 * every)
        service.start()
        assert agent.end() == 0
        events = service.client.get("/track/events", params={"pc": "joe-pc"}).json()
        assert agent.queued() == [], "what waited was sent at the end"
    service.stop()
    assert len(events) == len({event["event_time"] for event in events}) == agent.beaten()
    assert len(events) > 12
    assert len(agent.said) < len(events), "not a line for each beat"
    assert agent.said[-1].startswith("stopped; 0 beats wait")


@pytest.mark.slow
def test_a_beat_that_the_server_never_takes_is_set_aside_and_the_rest_arrives(
    settings: Settings, place: Path
) -> None:
    agent = AgentProcess(place, NOWHERE)
    queue = BeatQueue(agent.queue)
    wrong_clock = now() + timedelta(hours=1)
    for n in range(100):
        at = wrong_clock if n in (0, 41, 99) else now() - timedelta(minutes=100 - n)
        queue.add("joe-pc", at)
    queue.close()
    with (
        Service(place, OPENHOURS_WORKER="0") as service,
        AgentProcess(place, service.url) as agent,
    ):
        wait_for(
            lambda: len(service.client.get("/track/events").json()) == 98,
            story=lambda: "\n".join(agent.said),
        )
        assert agent.end(signal.SIGINT) == 0
    assert agent.queued() == []
    assert "(100 beats wait in it)" in agent.said[0]
    aside = f"refused for ever, from the beat of {iso(wrong_clock)} on: HTTP 422: "
    assert any(
        line.startswith(f"{aside}0.event_time: must not be more than 5 minutes ahead")
        for line in agent.said
    )
    assert agent.said[-1].endswith("3 were refused for ever")


@pytest.mark.slow
def test_no_answer_of_a_server_loses_a_beat(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENHOURS_KEY", "oh_secret")
    script = (
        reply(500, "Internal Server Error"),
        reply(429, '{"detail": "slow down"}', Retry_After="2"),
        hang(2.5),
        reply(503, '{"detail": "the database is away; try again"}', Retry_After="1"),
        reply(200, "<html>Welcome to the hotel's network</html>", Content_Type="text/html"),
        reply(400, "<html>proxy</html>"),
        reply(308, Location="https://elsewhere.example/track/batch"),
        reply(401, '{"detail": "no such key"}'),
        reply(403, '{"detail": "not yours"}'),
        hang(0),
    )
    with (
        ScriptedServer(*script) as server,
        AgentProcess(place, server.url, "--every", "0.5") as agent,
    ):
        agent.wait_until_said("the server has")
        assert agent.end() == 0
    assert [line for line in agent.said if line.startswith("beats wait on disk: ")] == [
        f"beats wait on disk: {state}"
        for state in (
            "HTTP 500",
            "HTTP 429: slow down",
            "the server does not answer in time",
            "HTTP 503: the database is away; try again",
            "HTTP 200, but not from openhours: is the address right?",
            "HTTP 400",
            "HTTP 308: the server is at https://elsewhere.example/track/batch",
            "HTTP 401: no such key; is OPENHOURS_KEY right?",
            "HTTP 403: not yours; is OPENHOURS_KEY right?",
            "the server is not reached (Server disconnected without sending a response.)",
        )
    ]
    assert {key for _, key in server.asked} == {"Bearer oh_secret"}
    assert "oh_secret" not in "".join(agent.said)
    at = [at for at, _ in server.asked]
    assert at[2] - at[1] >= 2.0
    assert at[4] - at[3] >= 1.0
    # SIGTERM in the middle of an answer: the beat is sent once more, and the server knows its id.
    ids = {beat["beat_id"] for beat in server.taken}
    assert agent.queued() == []
    assert len(ids) == agent.beaten() > 8
    assert {beat["pc"] for beat in server.taken} == {"joe-pc"}


@pytest.mark.slow
def test_sleep_leaves_a_gap_and_beats_survive_kill_9(place: Path) -> None:
    """And of one name there is one agent, until that is dead."""
    every = 0.4
    with AgentProcess(place, NOWHERE, "--every", str(every)) as agent:
        agent.wait_until_said("beats wait on disk: the server is not reached")
        time.sleep(2 * every)
        with AgentProcess(place, NOWHERE, "--queue", str(place / "other.db")) as second:
            assert second.wait() == 1
        assert "joe-pc.lock is held by another agent" in "".join(second.said)
        with AgentProcess(place, NOWHERE, "--queue", str(agent.queue), name="jill") as third:
            assert third.wait() == 1
        assert "joe-pc.db is in use by another agent" in "".join(third.said)
        agent.send(signal.SIGSTOP)
        time.sleep(5 * every)
        agent.send(signal.SIGCONT)
        time.sleep(2 * every)
        agent.end(signal.SIGKILL)
    beats = agent.queued()
    instants = [datetime.fromisoformat(at).timestamp() for at, _ in beats]
    gaps = [(after - before) / every for before, after in itertools.pairwise(instants)]
    assert len([gap for gap in gaps if gap > 4]) == 1, "asleep for five periods"
    assert min(gaps) > 0.4, "no burst after it"
    with AgentProcess(place, NOWHERE) as again:
        wait_for(lambda: len([line for line in again.said if "wait on disk" in line]) == 2)
        assert again.end() == 0
    assert again.queued()[:-1] == beats


@pytest.mark.slow
def test_the_agent_needs_nothing_of_the_server() -> None:
    """The real command, in a Python that cannot import what a PC does not install."""
    program = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {
            "alembic", "asyncpg", "fastapi", "numpy", "pandas", "pgqueuer", "pyarrow",
            "pydantic_settings", "pytz", "sqlalchemy", "starlette", "uvicorn",
        }:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from openhours.cli.main import main
main()
"""
    service = ["agent", "--server", "http://pc:8000", "--name", "joe", "--print-service"]
    done = subprocess.run(
        [sys.executable, "-c", program, *service], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 'ExecStart="/' in done.stdout
    done = subprocess.run(
        [sys.executable, "-c", program, "serve"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'openhours[server]'" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_service_is_one_that_systemd_takes(place: Path) -> None:
    name = 'joe\'s "PC" 100% $HOME \\n'
    unit = place / "openhours-agent.service"
    command = [sys.executable, "-m", "openhours.cli", "agent", "--server", "http://pc:8000/"]
    with unit.open("wb") as file:
        subprocess.run([*command, "--name", name, "--print-service"], stdout=file, check=True)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", unit],
        env={**os.environ, "XDG_RUNTIME_DIR": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert r'"joe\'s \"PC\" 100%% $$HOME \\n"'.replace(r"\'", "'") in unit.read_text()


@pytest.mark.parametrize(
    ("server", "name", "message"),
    [
        ("pc:8000", "joe", "--server: an address such as"),
        ("http://", "joe", "--server: an address such as"),
        ("http://[", "joe", "--server: Invalid IPv6 URL"),
        ("http://pc:99999", "joe", "--server: Port out of range"),
        ("http://pc", "a\nb", "--name: 1 to 61 characters"),
        ("http://pc", "x" * 62, "--name: 1 to 61 characters"),
    ],
)
def test_wrong_options_are_explained(server: str, name: str, message: str) -> None:
    with pytest.raises(command.WrongOption, match=message):
        command.run(server, name, 60, None, print_service=False)


@pytest.mark.slow
def test_a_wrong_option_ends_the_command_with_2(place: Path) -> None:
    with AgentProcess(place, "pc:8000") as agent:
        assert agent.wait() == 2
    assert "--server" in agent._said.read_text()


def test_every_name_has_a_file_of_its_own() -> None:
    names = [
        "joe",
        "Joe's PC",
        "a/b",
        "a_2Fb",
        "a%2Fb",
        "..",
        ".",
        "ü" * 61,
        "ü" * 60 + "ä",
        "CON:",
    ]
    files = [file_name(name, ".db") for name in names]
    assert files[0] == "joe.db"
    assert len(set(files)) == len(names)
    assert all("/" not in name and ":" not in name and len(name) < 120 for name in files)
