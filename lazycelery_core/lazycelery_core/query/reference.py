"""What does docs/filter-language.md say? The page is made from the tables that the parser works with.

`python -m lazycelery_core.query.reference > docs/filter-language.md` writes it; a test compares the two.
"""

import sys
from collections.abc import Sequence

from lazycelery_core.model import WorkerState
from lazycelery_core.query.build import STATES
from lazycelery_core.query.conditions import HAS, IS, Condition
from lazycelery_core.query.fields import FIELDS, PLURALS, TASK, Field
from lazycelery_core.query.patterns import MAX_PATTERN, MAX_REPEATS

_INTRODUCTION = """\
# The filter language

<!-- Made by `python -m lazycelery_core.query.reference`; edit the tables there, not this page. -->

The same language everywhere: `f` filters a list (rows that don't match are hidden), `/` searches it (nothing is
hidden), `:tasks ...` opens a view filtered, and `lazycelery tasks -f ...` prints what matches.

| written | finds |
|---|---|
| `charge` | the text in id, name, worker, exception or args, in any case |
| `"Payment gateway"` | the same for a text with blanks or signs |
| `/order_\\d+/` | the same by a regular expression |
| `state:failed,retry runtime>5s` | both: parts that follow each other must all match |
| `wait>2s \\| runtime:5s..10s` | either; `OR` is the same as `\\|`, and binds less than "both" |
| `name:orders.* -queue:celery` | not: `-`, `!` or `NOT` before a part; `*` stands for any text |
| `(state:failed \\| is:slow) worker:worker-3` | brackets |
| `exc~^Conn since:15m` | `~` is followed by a regular expression |
| `time:14:20..14:32` | from one to the other; `5s..` and `..5s` leave an end open |

## Operators

| operator | on texts | on numbers, durations, sizes and times |
|---|---|---|
| `:` | contains, in any case; one of `a,b,c`; the whole text by a pattern when it has `*` | is; one of; within `a..b` |
| `=` `!=` | is exactly; is not | is; is not |
| `~` | a regular expression is found | |
| `>` `>=` `<` `<=` | | compared; what is unknown is never greater or smaller |

- Durations: `500ms` `5s` `2m` `1h30m` `2d`; a plain number is seconds. Sizes: `10kb` `2mb` (steps of 1,000), `2mib`.
- Times: `14:30`, `14:30:05`, `2026-11-22T14:30`, `2026-11-22`, `today`, `yesterday`, `now`; `-15m` is 15 minutes ago
  and moves on. A clock time that is still to come means yesterday's, except for `eta`.
- A value stands for all that is shown like it: `runtime:5s` is 5 s up to 6 s, `time:14:30` the whole minute.
"""


def _limits() -> str:
    return f"""\
- Regular expressions are those of Python, at most {MAX_PATTERN} characters; case counts unless they begin with `(?i)`.
  A repeat over something that varies, more than {MAX_REPEATS} open repeats, and references to groups are refused:
  a search with them could take for ever.
"""


def _kinds(field: Field) -> str:
    kinds = [PLURALS[kind] for kind in field.on]
    missing = (field.absent or {}).get(TASK)
    return ", ".join(kinds) + (f"{'; ' if kinds else ''}of tasks: {missing}" if missing else "")


def _field_table() -> str:
    rows = [
        f"| `{each.name}` | {each.help} | {each.type.value.split(':')[0]} | {_kinds(each)} "
        f"| {f'`{each.name}{each.operator}{each.example}`' if each.example else ''} |"
        for each in FIELDS
    ]
    return "\n".join(["| field | what | written as | of | example |", "|---|---|---|---|---|", *rows])


def _condition_table(prefix: str, conditions: Sequence[Condition]) -> str:
    def row(each: Condition) -> str:
        missing = f" ({each.absent}; nothing matches until then)" if each.absent else ""
        return f"| `{prefix}:{each.name}` | {each.help}{missing} |"

    return "\n".join(["| condition | holds for what |", "|---|---|", *map(row, conditions)])


def _states() -> str:
    def means(name: str) -> str:
        tasks, workers = STATES[name]
        return ", ".join(state.name for state in sorted(tasks)) or ", ".join(workers) or "RECEIVED, its eta to come"

    others = [name for name in STATES if means(name).lower() != name]
    aliases = ", ".join(f"`{name}` ({means(name)})" for name in others)
    workers = ", ".join(f"`{state.value}`" for state in WorkerState)
    return f"Celery's own names in any case, or their beginning; and {aliases}. Workers are {workers}."


def markdown() -> str:
    """The whole page."""
    return "\n".join(
        [
            _INTRODUCTION + _limits(),
            "## Fields\n",
            _field_table(),
            "\n## States\n",
            _states(),
            "\n## Conditions\n",
            _condition_table("is", IS),
            "",
            _condition_table("has", HAS),
            "",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(markdown())
