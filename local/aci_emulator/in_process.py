"""An emulator in this process, on a thread of its own: for tests that call it as any client would."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

from aci_emulator.admin.client import AdminClient
from aci_emulator.emulator import Emulator

if TYPE_CHECKING:
    from types import TracebackType

    from aci_emulator.clock import Clock
    from aci_emulator.settings import Settings

_PATIENCE_S = 30.0


class InProcessEmulator:
    """Serves between `with` and its end.

    Args:
        settings: What the emulator is told; ports of 0 are wise.
        clock: Its time; None for real time.

    Attributes:
        env: What an SDK client needs in its environment.
        admin: A client of the admin API.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings, self._clock = settings, clock
        self._thread = threading.Thread(target=self._work, name="aci-emulator", daemon=True)
        self._started: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._emulator: Emulator | None = None
        self._failure: BaseException | None = None
        self.env: dict[str, str] = {}
        self.admin = AdminClient("")

    def __enter__(self) -> Self:
        """Start serving."""
        self._thread.start()
        self._started.result(_PATIENCE_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving; nothing of it is left.

        Raises:
            RuntimeError: it does not end, or failed in ending.
        """
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_PATIENCE_S)
        if self._thread.is_alive():
            raise RuntimeError("the emulator does not end")
        if self._failure is not None:
            raise RuntimeError("the emulator failed in ending") from self._failure

    @property
    def emulator(self) -> Emulator:
        """The emulator itself, to look inside; its state belongs to its thread."""
        assert self._emulator is not None, "the emulator has not been started"
        return self._emulator

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as problem:  # noqa: BLE001 - handed to the thread that waits
            if self._started.done():
                self._failure = problem
            else:
                self._started.set_exception(problem)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._emulator = Emulator(self._settings, clock=self._clock)
        await self._emulator.start()
        self.env = self._emulator.environment()
        self.admin = AdminClient(self.env["ACI_EMULATOR_ADMIN"])
        self._started.set_result(None)
        await self._over.wait()
        await self._emulator.stop()
