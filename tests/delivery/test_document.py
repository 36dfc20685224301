"""What docs/delivery.md shows a receiver to do."""

import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from openhours.delivery.webhooks import sign
from tests.helpers.documents import steps
from tests.helpers.webhook_receiver import SECRET

DOCUMENT = Path(__file__).parents[2] / "docs/delivery.md"


def test_the_check_of_a_signature_knows_ours_and_no_other() -> None:
    [check] = [step.command for step in steps(DOCUMENT) if step.language == "python"]
    shown: dict[str, Any] = {}
    exec(check, shown)
    is_genuine = shown["is_genuine"]

    def headers(at: int) -> dict[str, str]:
        return {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(at),
            "webhook-signature": sign(SecretStr(SECRET), "msg_1", at, b'{"a":1}'),
        }

    present = int(time.time())
    assert is_genuine(SECRET, headers(present), b'{"a":1}')
    assert not is_genuine(SECRET, headers(present), b'{"a":2}')
    assert not is_genuine("whsec_" + "A" * 32, headers(present), b'{"a":1}')
    assert not is_genuine(SECRET, headers(present) | {"webhook-id": "msg_2"}, b'{"a":1}')
    assert not is_genuine(SECRET, headers(present - 301), b'{"a":1}')
