"""Time that passes only when somebody sleeps, and then at once: waits can be long in a test that takes none."""


class FakeTime:
    """`clock` and `sleep` for whatever takes them. `slept` has every wait, in order."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
