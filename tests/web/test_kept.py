"""Pages keep what they have computed of complete reports."""

import asyncio

from openhours.web.kept import Kept


def test_what_was_made_is_not_made_again_until_too_much_was_kept() -> None:
    made = list[int]()

    async def make() -> int:
        made.append(len(made))
        return made[-1]

    async def ask() -> list[int]:
        kept = Kept()
        first = [await kept.get(key, make) for key in ("a", "b", "a")]
        others = [await kept.get(("a", n), make) for n in range(63)]
        return [*first, await kept.get("a", make), others[-1], await kept.get("b", make)]

    assert asyncio.run(ask()) == [0, 1, 0, 0, 64, 65]


def test_whoever_asks_meanwhile_waits_and_a_failure_is_not_kept() -> None:
    made = list[int]()

    async def make() -> int:
        made.append(len(made))
        await asyncio.sleep(0)
        if made[-1] == 0:
            raise ValueError
        return made[-1]

    async def ask() -> list[int | BaseException]:
        kept = Kept()
        return await asyncio.gather(
            *(kept.get("a", make) for _ in range(4)), return_exceptions=True
        )

    failed, *others = asyncio.run(ask())
    assert isinstance(failed, ValueError)
    assert others == [1, 1, 1]
