"""Who answers the commands that open something above the panes? All their controllers, made in one place."""

from pathlib import Path
from typing import TYPE_CHECKING

from lazycelery_core.screens.acting import Acting
from lazycelery_core.screens.arguments import Arguments
from lazycelery_core.screens.choosing import Choosing
from lazycelery_core.screens.command_line import CommandLine
from lazycelery_core.screens.copying import Copying
from lazycelery_core.screens.exporting import Exporting
from lazycelery_core.screens.filtering import Filtering
from lazycelery_core.screens.help import Help
from lazycelery_core.screens.menu import Menu
from lazycelery_core.screens.named_filters import NamedFilters
from lazycelery_core.screens.pages import Pages
from lazycelery_core.screens.palette import Palette
from lazycelery_core.screens.time_range import TimeRange
from lazycelery_core.screens.which_key import WhichKey

if TYPE_CHECKING:
    from lazycelery_core.screens.main import MainScreen


def attach(screen: "MainScreen") -> None:
    """Let prompts, menus, dialogs and the help answer their commands."""

    def state_folder() -> Path:
        assert screen.watched is not None
        return screen.watched.settings.environment.state_path

    named = NamedFilters(state_folder)

    def for_tmux() -> dict[str, str] | None:
        environment = screen.watched.settings.environment if screen.watched is not None else None
        return environment.for_children() if environment is not None and environment.in_tmux else None

    copying = Copying(screen, state_folder, for_tmux)
    screen.act = Acting(screen, copying.copy).act
    screen.when_begun = WhichKey(screen).begun
    filtering, ranges = Filtering(screen, named), TimeRange(screen)
    line = CommandLine(screen, Arguments(screen, filtering, ranges), named)
    opened = (
        Exporting(screen, state_folder),
        Help(screen),
        Menu(screen),
        Pages(screen),
        Choosing(screen),
        Palette(screen, line),
    )
    for controller in (filtering, ranges, copying, line, *opened):
        screen.dispatcher.add(controller)
