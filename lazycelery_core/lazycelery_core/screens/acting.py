"""What happens when an action is chosen? Looking happens at once; a write is confirmed, sent on a thread, and told."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lazycelery_core.action import Action, Copy, Outcome, Risk, Sent
from lazycelery_core.audit import who
from lazycelery_core.errors import ActionError, LazyCeleryError
from lazycelery_core.keys import Command
from lazycelery_core.screens.confirm import ConfirmScreen
from lazycelery_core.screens.going import label_of
from lazycelery_core.screens.offering import refusal
from lazycelery_core.screens.panes import up_to_date
from lazycelery_core.screens.state import Record
from lazycelery_core.spans import plain
from lazycelery_core.tones import Line, Tone
from lazycelery_core.widgets.confirm_box import Confirmation
from lazycelery_core.writes import Preview

if TYPE_CHECKING:
    from lazycelery_core.screens.contract import Watch
    from lazycelery_core.screens.main import MainScreen

GREW = 1.1  # a number of the preview that grew by more than this factor is confirmed again
NAMED = 3  # targets or nodes that are named in a sentence; the others are counted


class Acting:
    """Runs actions of plugins. copy: puts text on the clipboard."""

    def __init__(self, screen: "MainScreen", copy: Callable[[str, str], None]) -> None:
        self._screen, self._copy = screen, copy

    def act(self, command: Command, targets: Sequence[Any]) -> None:
        """Run the action of a command, or say why it can't be run."""
        action, watch = command.action, self._screen.watched
        reason = refusal(self._screen, command, targets)
        if reason:
            self._say(f"{name_of(command.label)}: {reason}.", Tone.WARN)
        elif action is not None and watch is not None:
            if action.risk is Risk.VIEW:
                self._look(action, watch, targets)
            else:
                self._confirm(action, watch, targets)

    def _say(self, text: str, tone: Tone) -> None:
        self._screen.say(text, tone)

    def _look(self, action: Action, watch: "Watch", targets: Sequence[Any]) -> None:
        try:
            outcome = _looked(action, watch, targets)
            self._follow(outcome)
        except LazyCeleryError as error:
            self._say(f"{name_of(action.label)}: {error}", Tone.WARN)

    def _follow(self, outcome: Outcome) -> None:
        if isinstance(outcome, Copy):
            self._copy(outcome.text, outcome.what)
        else:
            self._screen.going.follow(outcome)

    # --- writes -------------------------------------------------------------------------------------------------------

    def _confirm(self, action: Action, watch: "Watch", targets: Sequence[Any], notice: str = "") -> None:
        """Ask; when the user wants it, look again at what it would do before it is sent."""
        try:
            preview = self._preview(action, watch, targets)
        except ActionError as error:
            self._say(str(error), Tone.WARN)
            return

        def answered(wanted: bool | None) -> None:
            if wanted:
                self._check_and_send(watch, preview)

        asked = confirmation(preview, self._broker(watch), f"{who()['user']}@{who()['host']}", notice)
        self._screen.app.push_screen(ConfirmScreen(self._screen, asked), answered)

    def _preview(self, action: Action, watch: "Watch", targets: Sequence[Any]) -> Preview:
        snapshot = self._screen.latest
        assert snapshot is not None, "what is refused before the first picture"
        fresh = [up_to_date(Record(action.on, target, ""), snapshot) for target in targets]
        return watch.deployment.writes.preview(action, snapshot, fresh, watch.connection.production)

    def _broker(self, watch: "Watch") -> str:
        return f"{watch.connection.name}  {watch.connection.shown}"

    def _check_and_send(self, watch: "Watch", seen: Preview) -> None:
        try:
            preview = self._preview(seen.action, watch, seen.targets)
        except ActionError as error:
            self._say(str(error), Tone.WARN)
            return
        if grew(seen.lines, preview.lines):
            self._confirm(seen.action, watch, seen.targets, "It would do more than a moment ago. Look again.")
        else:
            self._screen.run_worker(self._send(watch, preview), exit_on_error=False)

    async def _send(self, watch: "Watch", preview: Preview) -> None:
        action = preview.action
        try:
            sent = await asyncio.to_thread(watch.deployment.writes.run, action, preview.targets)
        except LazyCeleryError as error:
            self._say(str(error), Tone.ERROR)
            return
        self._say(*told(action, preview.targets, sent))


def _looked(action: Action, watch: "Watch", targets: Sequence[Any]) -> Outcome:
    """The outcome of an action that changes nothing. Raises LazyCeleryError."""
    try:
        return action.run(watch.deployment.control, targets)
    except LazyCeleryError:
        raise
    except Exception as error:
        watch.plugins.health.report(action.plugin, action.name, error)
        raise ActionError(f"it failed in plugin {action.plugin or 'none'}: {type(error).__name__}.") from error


def confirmation(preview: Preview, broker: str, user: str, notice: str = "") -> Confirmation:
    """What the dialog shows."""
    targets, label = preview.targets, name_of(preview.action.label)
    about = label_of(targets[0]) if len(targets) == 1 else f"{len(targets):,} {preview.action.on}s" if targets else ""
    return Confirmation(
        title=f"{label}: {about}" if about else label,
        broker=broker,
        who=user,
        lines=preview.lines,
        risk=preview.risk,
        warning=warning(preview),
        button=f"{label} {len(targets):,}" if len(targets) > 1 else label,
        typed=preview.typed,
        asks="the number of targets" if len(targets) > 1 else f"the {preview.action.on or 'word'}'s name",
        notice=notice,
    )


def warning(preview: Preview) -> str:
    """What is said in the border: whether it can be undone, and why it is confirmed more strictly than usual."""
    own = {Risk.REVERSIBLE: "can be undone", Risk.MANY: "cannot undo"}.get(preview.action.risk, "")
    stricter = preview.risk > preview.action.risk
    why = f"{len(preview.targets):,} targets" if len(preview.targets) > 1 else "production" if stricter else ""
    return " · ".join(part for part in (why, own) if part)


def name_of(label: str) -> str:
    """A label without its dots, as the beginning of a sentence."""
    bare = label.rstrip("…")
    return bare[:1].upper() + bare[1:]


def grew(before: Sequence[Line], after: Sequence[Line]) -> bool:
    """Whether the preview says something else, or a number in it is greater by more than a tenth."""
    old, new = _shape(before), _shape(after)
    if old[0] != new[0]:
        return True
    return any(now > then * GREW for then, now in zip(old[1], new[1], strict=True))


def _shape(lines: Sequence[Line]) -> tuple[str, list[float]]:
    """The words without their numbers, and the numbers."""
    text = "\n".join(map(plain, lines))
    pattern = r"\d[\d,]*(?:\.\d+)?"
    return re.sub(pattern, "#", text), [float(found.replace(",", "")) for found in re.findall(pattern, text)]


def told(action: Action, targets: Sequence[Any], sent: Sent) -> tuple[str, Tone]:
    """The sentence on what became of a write, and its tone."""
    label = name_of(action.label)
    failed = [f"{reply.hostname}: {reply.error}" for reply in sent.replies if reply.error]
    done = [reply.hostname for reply in sent.replies if not reply.error]
    if failed:
        good = f"{len(done)} accepted, " if done else ""
        return f"{label}: {good}{len(failed)} refused. {'; '.join(_some(failed))}", Tone.WARN if done else Tone.ERROR
    to = ", ".join(_some(done or [label_of(target) for target in targets]))
    waits = " Requested, until the broker reports it." if action.proved is not None else ""
    undone = " Undone when LazyCelery ends." if sent.undo else ""
    return f"{label}: sent to {to}.{waits}{undone}", Tone.SUCCESS


def _some(names: Sequence[str]) -> list[str]:
    more = len(names) - NAMED
    return [*names[:NAMED], f"{more} more"] if more > 0 else [*names]
