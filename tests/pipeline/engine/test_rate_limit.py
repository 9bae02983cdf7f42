from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.rate_limit import BURST_S, RateLimit


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds + 1e-9


def went_out(limit: RateLimit, clock: Clock, tokens: list[int]) -> list[float]:
    """When each request goes out, where all are asked for at once."""

    async def run() -> list[float]:
        times = []
        for one in tokens:
            await limit.turn(one)
            times.append(clock.at)
        return times

    return asyncio.run(run())


@given(st.integers(1, 600), st.integers(1, 60))
def test_a_minute_never_has_more_requests_than_allowed_and_a_short_burst(
    a_minute: int, wanted: int
) -> None:
    clock = Clock()
    times = went_out(RateLimit(a_minute, None, clock.now, clock.sleep), clock, [0] * wanted)
    most = a_minute + max(1, a_minute * BURST_S / 60)
    for begin in times:
        assert sum(begin <= t < begin + 60 for t in times) <= most + 1e-6


@given(st.integers(10, 10_000), st.lists(st.integers(0, 3000), max_size=40))
def test_tokens_go_out_at_the_pace_that_is_allowed(a_minute: int, tokens: list[int]) -> None:
    clock = Clock()
    times = went_out(RateLimit(None, a_minute, clock.now, clock.sleep), clock, tokens)
    if times:
        before_last = sum(tokens[:-1])
        burst = max(1.0, a_minute * BURST_S / 60)
        assert before_last <= burst + times[-1] * a_minute / 60 + 1e-3


def test_tokens_that_were_not_used_are_there_for_the_next() -> None:
    clock = Clock()
    limit = RateLimit(None, 6000, clock.now, clock.sleep)
    went_out(limit, clock, [600])
    limit.took(600, 0)
    assert went_out(limit, clock, [600]) == [0.0]


def test_no_request_goes_out_before_the_time_that_the_server_named() -> None:
    clock = Clock()
    limit = RateLimit(None, None, clock.now, clock.sleep)
    limit.hold(7.0)
    limit.hold(2.0)
    assert went_out(limit, clock, [1])[0] >= 7.0
