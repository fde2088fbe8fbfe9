"""What happens in the shop? Customers, clocks and partners, each acting again and again."""

import heapq
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

from celery import Celery, chain, chord, group
from celery.canvas import Signature

from lazycelery_plugin_demo.shop.application import is_rabbitmq

CUSTOMERS = ("zoe.ostergard@shop.example", "ли@почта.example", "j.okafor@shop.example", "mei-lin@shop.example")
SHOPS = ("Rotterdam", "København", "Zürich", "Łódź", "Porto", "Leeds")
SOLD_OUT = "GRN-KETTLE-1L"
SKUS = ("RED-MUG-350", "BLU-MUG-350", "OAK-BOARD-L", "LIN-APRON", "STL-WHISK")
OPENING_MEDIA = 640  # pictures that wait when the shop opens
FULL_MEDIA = 3000  # messages; from here on uploads only replace what was drained
DAY = 60.0  # s from one rush hour to the next
OUTAGE = (14.0, 30.0)  # s of each two days in which the card gateway is mostly silent

Item = tuple[str, int, int]  # article, how many, cents each
PAGES = cycle((40, 700, 120, 40, 1200))


@dataclass
class Shop:
    """Everything an act needs. `opened` and `now` are monotonic seconds."""

    app: Celery
    opened: float
    now: float
    chance: random.Random = field(default_factory=lambda: random.Random(20))  # noqa: S311 (a play, no secret)
    numbers: "count[int]" = field(default_factory=lambda: count(50_301))
    pictures: "count[int]" = field(default_factory=lambda: count(4_711))
    reminders: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Signature:
        """A signature by the task's name."""
        return self.app.signature(name, args=args, kwargs=kwargs, app=self.app)

    def is_outage(self) -> bool:
        """Is the card gateway down?"""
        return OUTAGE[0] <= (self.now - self.opened) % (2 * DAY) < OUTAGE[1]

    def rush(self) -> float:
        """How busy the hour is: from 0.5 to 1.5."""
        return 1 + 0.5 * math.sin((self.now - self.opened) * 2 * math.pi / DAY)


def place_order(shop: Shop) -> None:
    """validate -> reserve -> charge -> (receipt, ship), with a fraud check on the side."""
    order = _order(shop, _card(shop), _items(shop))
    paid = group(shop.call("mail.send_receipt"), shop.call("orders.ship"))
    steps = [shop.call(f"orders.{step}") for step in ("reserve_stock", "charge_card")]
    chain(shop.call("orders.validate_order", order), *steps, paid, app=shop.app).apply_async()
    check = shop.call("orders.fraud_check", order["number"], shop.chance.choice(("NL", "PT", "SE")), cents=2_490)
    check.apply_async(queue="priority", priority=0)


def _order(shop: Shop, card: str, items: list[Item]) -> dict[str, Any]:
    number = f"SO-{next(shop.numbers)}"
    return {"number": number, "customer": shop.chance.choice(CUSTOMERS), "card": card, "items": items}


def _card(shop: Shop) -> str:
    silent = 0.7 if shop.is_outage() else 0.06
    roll = shop.chance.random()
    return "tok_0119" if roll < silent else "tok_0002" if roll < silent + 0.05 else "tok_4242"


def _items(shop: Shop) -> list[Item]:
    roll = shop.chance.random()
    if roll < 0.01:
        return []
    skus = (SOLD_OUT,) if roll < 0.05 else shop.chance.sample(SKUS, shop.chance.randrange(1, 4))
    return [(sku, shop.chance.randrange(1, 5), shop.chance.randrange(450, 8_900)) for sku in skus]


def write_letter(shop: Shop) -> None:
    """One letter; few addresses are wrong, few relays drop the line, some are slow."""
    roll, template = shop.chance.random(), shop.chance.choice(("welcome", "shipped", "password-reset", "review"))
    to = (
        "old.account@nowhere.invalid"
        if roll < 0.03
        else "queue@relay.test"
        if roll < 0.07
        else CUSTOMERS[int(roll * 4)]
    )
    slow = shop.chance.uniform(8, 25) if roll > 0.97 else 0.0
    shop.call("mail.send_email", to, template, slow=slow, lang="nl", unsubscribe=True).apply_async()


def begin_badly(shop: Shop) -> None:
    """Whoever looks in the first seconds sees failures, retries and slow work too."""
    for card in ("tok_0119", "tok_0002", "tok_0119"):
        shop.call("orders.charge_card", _order(shop, card, _items(shop)) | {"cents": 4_990}).apply_async()
    shop.call("orders.reserve_stock", _order(shop, "tok_4242", [(SOLD_OUT, 1, 3_900)])).apply_async()
    for to, slow in (("queue@relay.test", 0.0), ("old.account@nowhere.invalid", 0.0), (CUSTOMERS[0], 25.0)):
        shop.call("mail.send_email", to, "welcome", slow=slow, lang="da").apply_async()


def send_newsletter(shop: Shop) -> None:
    """A group that fills the default queue for a while."""
    slices = [shop.call("mail.newsletter", f"segment-{n:02d}", 250).set(queue="default", priority=9) for n in range(60)]
    group(slices, app=shop.app).apply_async()


def suspect_bots(shop: Shop) -> None:
    """A wave of checks, the doubtful orders first."""
    for _ in range(14):
        check = shop.call("orders.fraud_check", f"SO-{next(shop.numbers)}", "??", shop.chance.randrange(900, 90_000))
        check.apply_async(queue="priority", priority=shop.chance.choice((0, 3, 6)))


def upload_pictures(shop: Shop) -> None:
    """More than the one image worker can do, until the backlog is full."""
    if waiting(shop.app, "media") < FULL_MEDIA:
        for _ in range(max(1, round(3 * shop.rush()))):
            _upload(shop)


def waiting(app: Celery, queue: str) -> int:
    """Messages of the usual priority in a queue."""
    if not is_rabbitmq(app.conf.broker_url):
        length: int = app.backend.client.llen(f"{queue}\x06\x163")
        return length
    with app.pool.acquire(block=True) as connection, connection.channel() as channel:
        return int(channel.queue_declare(queue=queue, passive=True).message_count)


def open_with_backlog(shop: Shop) -> None:
    """What came in over night."""
    for _ in range(OPENING_MEDIA):
        _upload(shop)


def _upload(shop: Shop) -> None:
    n, roll = next(shop.pictures), shop.chance.random()
    path = f"/media/in/IMG_{n}{'_broken' if roll < 0.05 else ''}.png"
    if roll < 0.7:
        signature = shop.call("img.resize_image", path, shop.chance.choice(([320, 240], [1280, 960])))
    elif roll < 0.9:
        signature = shop.call("img.process_image", path, ["denoise", "crop", "white-balance"])
    else:
        signature = shop.call("img.optimise", path, quality=shop.chance.randrange(60, 95))
    signature.apply_async(priority=3)


def close_the_books(shop: Shop) -> None:
    """A chord: every shop's day, then the sum. Where no results are kept there is no sum either."""
    day = time.strftime("%Y-%m-%d")
    shops = group(shop.call("reports.sales_of_shop", name, day) for name in SHOPS)
    if is_rabbitmq(shop.app.conf.broker_url):
        group(shops, app=shop.app).apply_async()
    else:
        chord(shops, app=shop.app)(shop.call("reports.total", day))


def order_nightly(shop: Shop) -> None:
    """One long run now, one for later."""
    day = time.strftime("%Y-%m-%d")
    shop.running.append(shop.call("reports.nightly", day, len(SHOPS)).apply_async().id)
    shop.call("reports.nightly", day, 1).apply_async(countdown=45)


def give_up_nightly(shop: Shop) -> None:
    """Somebody finds the long run too long and terminates it."""
    if shop.running:
        shop.app.control.revoke(shop.running.pop(), terminate=True)


def export_report(shop: Shop) -> None:
    """Mostly thin, sometimes too thick for the soft time limit, rarely for the host."""
    shop.call("reports.export_pdf", f"sales-{next(shop.numbers)}", next(PAGES)).apply_async()


def sync_old_system(shop: Shop) -> None:
    """Work for the worker without events."""
    warehouse = shop.chance.choice(("ROT-1", "ROT-2", "ROT-2", "ROT-9"))
    shop.call("erp.sync_stock", shop.chance.choice(SKUS), warehouse).apply_async()


def forget_basket(shop: Shop) -> None:
    """A reminder for later; when some wait, the oldest customer comes back and it is revoked."""
    cart = f"cart-{next(shop.numbers)}"
    reminder = shop.call("cart.remind", cart, shop.chance.choice(CUSTOMERS), shop.chance.randrange(1, 9))
    shop.reminders.append(reminder.apply_async(countdown=shop.chance.uniform(6, 20)).id)
    if len(shop.reminders) > 2:
        shop.app.control.revoke(shop.reminders.pop(0))


def offer_too_late(shop: Shop) -> None:
    """Expires before its time has come."""
    shop.call("cart.flash_offer", shop.chance.choice(CUSTOMERS), 15).apply_async(countdown=1.5, expires=0.8)


def refund(shop: Shop) -> None:
    """Somebody sends a mug back."""
    payment = f"pay_{shop.chance.randrange(16**8):08x}"
    shop.call("payments.refund", payment, shop.chance.randrange(450, 9_900), reason="arrived broken").apply_async(
        priority=6
    )


def settle(shop: Shop) -> None:
    """The acquirer's batch."""
    shop.call("payments.settle", f"batch-{next(shop.numbers)}", shop.chance.randrange(20, 300)).apply_async()


def import_feed(shop: Shop) -> None:
    """A marketplace sends the same file again."""
    shop.call("orders.import_feed", "marktplaats", shop.chance.randrange(10, 900)).apply_async()


def archive(shop: Shop) -> None:
    """Nobody consumes this queue."""
    shop.call("audit.archive", f"log-{next(shop.numbers)}").apply_async(expires=3600)


@dataclass(frozen=True)
class Habit:
    """An act, first `after` seconds from opening, then about every `every` seconds; busier in the rush if `rushes`."""

    act: Callable[[Shop], None]
    after: float
    every: float
    rushes: bool = False


HABITS = (
    Habit(order_nightly, 0.0, 24.0),
    Habit(begin_badly, 0.0, math.inf),
    Habit(close_the_books, 0.0, 14.0),
    Habit(place_order, 0.05, 1.3, rushes=True),
    Habit(write_letter, 0.1, 0.55, rushes=True),
    Habit(send_newsletter, 0.2, 40.0),
    Habit(suspect_bots, 0.3, 15.0),
    Habit(sync_old_system, 0.3, 1.6),
    Habit(offer_too_late, 0.3, 6.0),
    Habit(forget_basket, 0.4, 2.5),
    Habit(open_with_backlog, 0.5, math.inf),
    Habit(export_report, 0.6, 7.0),
    Habit(upload_pictures, 1.0, 0.6),
    Habit(refund, 1.2, 5.0),
    Habit(archive, 1.5, 4.0),
    Habit(import_feed, 2.0, 17.0),
    Habit(settle, 3.0, 11.0),
    Habit(give_up_nightly, 30.0, 48.0),
)


def open_for_business(app: Celery) -> None:
    """Drive the shop for ever."""
    opened = time.monotonic()
    shop = Shop(app, opened, opened)
    due = [(opened + habit.after, n) for n, habit in enumerate(HABITS)]
    while True:
        at, n = heapq.heappop(due)
        time.sleep(max(0.0, at - time.monotonic()))
        shop.now = time.monotonic()
        HABITS[n].act(shop)
        heapq.heappush(due, (_again(HABITS[n], shop), n))


def _again(habit: Habit, shop: Shop) -> float:
    """Never sooner than now: who was late does not catch up in a burst."""
    pace = shop.rush() if habit.rushes else 1.0
    return shop.now + habit.every * shop.chance.uniform(0.7, 1.3) / pace
