"""Register, log in, refresh: over HTTP, against the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from unittest.mock import Mock

import jwt
import pytest
from argon2 import extract_parameters
from fastapi.testclient import TestClient

from openhours.accounts import passwords, throttle
from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, at, bearer, register, running

USER = "/api/v1/user"


def _log_in(client: TestClient, username: str, password: str = PASSWORD) -> int:
    body = {"username": username, "password": password}
    return int(client.post(f"{USER}/login", json=body).status_code)


def test_register_log_in_and_profile(settings: Settings) -> None:
    with running(settings) as client:
        user = register(client, "Zoë", timezone="Europe/Berlin")
        assert set(user) == {"username", "refresh_token", "token"}
        claims = jwt.decode(user["token"], options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] == 15 * 60
        assert claims["iss"] == claims["aud"] == "openhours"

        answer = client.post(f"{USER}/login", json={"username": "zoË", "password": PASSWORD})
        assert answer.json()["user"]["username"] == "Zoë"
        assert answer.headers["cache-control"] == "no-store"
        assert _log_in(client, "Zoë", "wrong password") == 401

        same = {"username": "ZOË", "password": PASSWORD}
        assert client.post(f"{USER}/register", json=same).status_code == 409

        profile = client.get(USER, headers=bearer(user["token"])).json()["user"]
        assert profile["timezone"] == "Europe/Berlin"
        moved = client.patch(USER, headers=bearer(user["token"]), json={"timezone": "Asia/Kolkata"})
        assert moved.json()["user"]["timezone"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    "body",
    [
        {"username": "a\0b", "password": PASSWORD},
        {"username": "a\u202eb", "password": PASSWORD},
        {"username": " a", "password": PASSWORD},
        {"username": "a/b", "password": PASSWORD},
        {"username": "..", "password": PASSWORD},
        {"username": "a.CSV", "password": PASSWORD},
        {"username": "", "password": PASSWORD},
        {"username": "a" * 65, "password": PASSWORD},
        {"username": ["a"], "password": PASSWORD},
        {"username": "a", "password": "short"},
        {"username": "a", "password": "x" * 1025},
        {"username": "a", "password": 12345678},
        {"username": "a", "password": PASSWORD, "timezone": "Mars/Olympus"},
        {"username": "a"},
        [],
    ],
)
def test_bad_registrations_name_what_is_wrong(settings: Settings, body: object) -> None:
    with running(settings) as client:
        answer = client.post(f"{USER}/register", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"][0] == "body"


def test_lone_surrogates_and_deep_json_are_the_clients_fault(settings: Settings) -> None:
    with running(settings) as client:
        for content in (
            b'{"username": "\\ud800", "password": "long enough"}',
            b'{"username": "a", "password": "\\udfff long enough"}',
            b"[" * 100_000,
            b"\xff",
        ):
            answer = client.post(f"{USER}/register", content=content)
            assert answer.status_code in (400, 422), answer.text
        for token in ("é.é.é", "a.b.c", "." * 4000, "x" * 8000):
            headers = {b"Authorization": f"Bearer {token}".encode()}
            assert client.get(USER, headers=headers).status_code == 401


def test_registration_can_be_switched_off(settings: Settings) -> None:
    with running(settings.model_copy(update={"registration": False})) as client:
        body = {"username": "ann", "password": PASSWORD}
        assert client.post(f"{USER}/register", json=body).status_code == 403


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_family(settings: Settings) -> None:
    def refresh(token: str) -> tuple[int, str]:
        answer = client.post(f"{USER}/refresh", json={"refresh_token": token})
        return answer.status_code, answer.json().get("user", {}).get("refresh_token", "")

    with running(settings) as client:
        first = register(client, "ann")["refresh_token"]
        other = client.post(f"{USER}/login", json={"username": "ann", "password": PASSWORD}).json()[
            "user"
        ]["refresh_token"]
        status, second = refresh(first)
        assert (status, second != first) == (200, True)
        status, third = refresh(second)
        assert status == 200
        assert refresh(first) == (401, "")  # a thief, or the owner after a thief
        assert refresh(third) == (401, "")
        assert refresh(other)[0] == 200  # another login is another family
        assert refresh("nonsense") == (401, "")


def test_two_uses_at_once_are_a_reuse(settings: Settings) -> None:
    with running(settings) as client:
        token = register(client, "ann")["refresh_token"]
        with ThreadPoolExecutor(2) as pool:
            answers = list(
                pool.map(
                    lambda _: client.post(f"{USER}/refresh", json={"refresh_token": token}),
                    range(2),
                )
            )
        assert sorted(answer.status_code for answer in answers) == [200, 401]
        new = next(a for a in answers if a.status_code == 200).json()["user"]["refresh_token"]
        again = client.post(f"{USER}/refresh", json={"refresh_token": new})
        assert again.status_code == 401


def _limit(attempts: int, minutes: int = 5) -> throttle.Limit:
    return throttle.Limit(attempts, timedelta(minutes=minutes))


def test_too_many_attempts_wait_also_after_a_restart(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "BY_NAME_AND_ADDRESS", _limit(2))
    with running(settings) as client:
        register(client, "ann")
        register(client, "bob")
        for _ in range(2):
            assert _log_in(client, "ann") == 200  # right ones do not count
        assert [_log_in(client, "ann", "wrong one") for _ in range(3)] == [401, 401, 429]
    with running(settings) as client:  # another process
        body = {"username": "ANN", "password": PASSWORD}
        answer = client.post(f"{USER}/login", json=body)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 300
        assert _log_in(client, "bob") == 200
        assert [_log_in(client, "nobody", "wrong one") for _ in range(3)] == [401, 401, 429]


def test_who_guesses_elsewhere_does_not_lock_the_owner_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "BY_NAME_AND_ADDRESS", _limit(2))
    monkeypatch.setattr(throttle, "BY_NAME", _limit(4))
    places = ("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2")
    with running(settings) as owner:
        attackers = [at(owner, place) for place in places]
        register(owner, "ann")
        assert _log_in(owner, "ann") == 200  # from now on this address is known
        # Two of each address, and one network is one address; over all addresses four.
        found = [[_log_in(one, "ann", "wrong one") for _ in range(3)] for one in attackers]
        assert found[:2] == [[401, 401, 429]] * 2
        assert found[2:] == [[429] * 3] * 3
        assert _log_in(attackers[2], "ann") == 429  # the right password, from an unknown address
        assert _log_in(owner, "ann") == 200
        monkeypatch.setattr(throttle, "KNOWN_FOR", timedelta(0))
        assert _log_in(owner, "ann") == 429  # known no longer


def test_an_ipv6_network_is_one_address(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "BY_NAME_AND_ADDRESS", _limit(2))
    places = ("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1")
    with running(settings) as client:
        found = [_log_in(at(client, place), "ann", "wrong one") for place in places]
    assert found == [401, 401, 429, 401]


def test_an_address_is_limited_over_all_usernames_also_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "BY_ADDRESS", _limit(3))
    with running(settings) as client, ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda n: _log_in(client, f"user{n}"), range(6)))
    assert sorted(statuses) == [401, 401, 401, 429, 429, 429]


def test_the_window_passes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "BY_NAME_AND_ADDRESS", _limit(1))
    with running(settings) as client:
        assert [_log_in(client, "ann") for _ in range(2)] == [401, 429]
        monkeypatch.setattr(throttle, "BY_NAME_AND_ADDRESS", _limit(1, minutes=0))
        assert _log_in(client, "ann") == 401


def test_registrations_are_limited_by_address(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "REGISTRATIONS", _limit(2))
    with running(settings) as first:
        body = {"username": "ann", "password": PASSWORD}
        # Who looks which names are taken is limited, too.
        answers = [first.post(f"{USER}/register", json=body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 409, 429]
        assert int(answers[2].headers["retry-after"]) >= 1
        register(at(first, "192.0.2.2"), "bob")
        assert _log_in(first, "ann") == 200


@pytest.mark.parametrize("password", ["password", "12345678", "QWERTYUIOP", "annabelle-1988"])
def test_passwords_that_many_people_have_are_refused(settings: Settings, password: str) -> None:
    with running(settings) as client:
        body = {"username": "Annabelle-1988", "password": password}
        answer = client.post(f"{USER}/register", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == ["body", "password"]


def test_many_registrations_do_not_hold_up_a_login(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing, go_on = Event(), Event()

    def hash_(password: str) -> str:
        hashing.set()
        assert go_on.wait(60)
        return argon2.hash(password)

    argon2 = passwords._argon2
    with running(settings) as client, ThreadPoolExecutor(6) as pool:
        register(client, "ann")
        assert _log_in(client, "ann") == 200
        monkeypatch.setattr(passwords, "_argon2", Mock(wraps=argon2, hash=hash_))
        waiting = [pool.submit(register, client, f"user{n}") for n in range(5)]
        try:
            assert hashing.wait(60)
            assert pool.submit(_log_in, client, "ann").result(60) == 200
            assert not any(one.done() for one in waiting)
        finally:
            go_on.set()
        assert len({one.result()["username"] for one in waiting}) == 5


def test_account_answers_are_never_stored(settings: Settings) -> None:
    with running(settings) as client:
        token = bearer(register(client, "ann")["token"])
        body = {"username": "ann", "password": PASSWORD}
        for answer in (
            client.post(f"{USER}/register", json=body),
            client.post(f"{USER}/login", json=body),
            client.post(f"{USER}/login", json=body | {"password": "a wrong one"}),
            client.post(f"{USER}/refresh", json={"refresh_token": "none"}),
            client.get(USER, headers=token),
            client.get(USER),
            client.patch(USER, headers=token, json={"timezone": "UTC"}),
            client.get("/signin"),
            client.post("/signin"),
            client.post("/signout"),
        ):
            assert answer.headers.get_list("cache-control") == ["no-store"], answer.url


def test_unknown_users_are_answered_as_slowly_as_known_ones(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []

    def verify(password: str, password_hash: str) -> bool:
        costs.append(extract_parameters(password_hash))
        return argon2.verify(password, password_hash)

    argon2 = passwords._argon2
    with running(settings) as client:
        register(client, "ann")
        monkeypatch.setattr(passwords, "_argon2", Mock(wraps=argon2, verify=verify))
        assert _log_in(client, "ann", "wrong one") == 401
        assert _log_in(client, "nobody", "wrong one") == 401
    known, unknown = costs
    assert known == unknown
