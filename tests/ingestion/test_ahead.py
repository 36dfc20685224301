"""What is made while something else is used: all of it, in order, and nothing after the end."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from openhours.ingestion.ahead import ahead


def test_the_next_item_is_made_while_one_is_used() -> None:
    second_is_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second_is_made.set()
        yield 2

    async def use() -> list[int]:
        used = []
        async with aclosing(ahead(items())) as each:
            async for item in each:
                # Were it made only when it is asked for, this would wait for ever.
                await asyncio.to_thread(second_is_made.wait, 20)
                assert second_is_made.is_set()
                used.append(item)
        return used

    assert asyncio.run(use()) == [1, 2]


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    async def use() -> None:
        async with aclosing(ahead(items())) as each:
            assert await anext(each) == 1
            with pytest.raises(ValueError, match="damaged"):
                await anext(each)

    asyncio.run(use())


def test_who_stops_early_waits_for_what_is_being_made_and_no_more_is() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    async def use() -> list[int]:
        async with aclosing(ahead(items())) as each:
            async for _ in each:
                break
        return list(made)

    left = asyncio.run(use())
    assert left == [0, 1]
    assert made == left


def test_nothing_gives_nothing() -> None:
    nothing: list[int] = []

    async def use() -> list[int]:
        return [item async for item in ahead(iter(nothing))]

    assert asyncio.run(use()) == []
