"""How does a test play with the screen? It presses keys and waits for what must appear.

async def story(game: Game) -> None:
    await game.press("T", "f", *"state:failed")
    await game.see("2 shown")

play(screen_of([MyPane()], a_snapshot(...)), story)
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.pilot import Pilot

from lazycelery_core.testing.screen import StillWatch

if TYPE_CHECKING:
    from lazycelery_core.app import LazyCeleryApp

PATIENCE = 60.0  # s; on a busy machine too
LOOK_AGAIN = 0.02  # s
NAMES = {" ": "space", ":": "colon", "/": "slash", "?": "question_mark", ">": "greater_than_sign",
         "<": "less_than_sign", "-": "minus", ".": "full_stop", ",": "comma", "*": "asterisk", "+": "plus",
         "(": "left_parenthesis", ")": "right_parenthesis", "=": "equals_sign", "_": "underscore",
         "@": "at", '"': "quotation_mark", "|": "vertical_line", "~": "tilde"}  # fmt: skip


class Game:
    """The app while a story is told."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot
        self.app: Any = pilot.app

    @property
    def watch(self) -> StillWatch:
        """What the app watches."""
        assert isinstance(self.app.watched, StillWatch)
        return self.app.watched

    async def press(self, *keys: str) -> None:
        """Press keys; letters and signs are written as they are."""
        await self.pilot.press(*(NAMES.get(key, key) for key in keys))

    async def write(self, text: str) -> None:
        """Type a text."""
        await self.press(*text)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Let the app work until the condition holds."""
        end = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            assert asyncio.get_running_loop().time() < end, f"{what}\n{self.shown()}"
            await asyncio.sleep(LOOK_AGAIN)  # not pilot.pause, which waits for ever for a widget that has died

    async def see(self, *texts: str) -> None:
        """Wait until all these texts are on the screen."""
        for text in texts:
            await self.until(partial(self._shows, text), f"{text!r} is not on the screen")

    def _shows(self, text: str) -> bool:
        return text in self.shown()

    async def see_no_more(self, text: str) -> None:
        """Wait until that text is gone."""
        await self.until(lambda: text not in self.shown(), f"{text!r} is still on the screen")

    def shown(self) -> str:
        """What the terminal shows, as text: the popup and, where there is one, what is below it."""
        screens = [self.app.screen] if self.app.screen is self.app.main else [self.app.screen, self.app.main]
        strips = [strip for screen in screens for strip in screen._compositor.render_strips()]  # noqa: SLF001
        return "\n".join(strip.text.rstrip() for strip in strips)

    def popup(self) -> str:
        """The box above the screen alone, "" when there is none."""
        screen = self.app.screen
        return "" if screen is self.app.main else "\n".join(line.text.rstrip() for line in screen.box.lines)


def play(app: "LazyCeleryApp", story: Callable[[Game], Awaitable[None]], size: tuple[int, int] = (120, 36)) -> None:
    """Run the app headless until the story is told."""

    async def told() -> None:
        async with app.run_test(size=size) as pilot:
            game = Game(pilot)
            await game.until(lambda: app.watched is not None and app.main.snapshot is not None, "a first picture")
            await story(game)

    asyncio.run(told())
