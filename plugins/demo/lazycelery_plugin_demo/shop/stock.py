"""What is on the shelf?"""

SOLD_OUT = "GRN-KETTLE-1L"


class OutOfStockError(LookupError):
    """Nothing left of an article."""


class Shelf:
    """Counts per article."""

    def __init__(self) -> None:
        self._left = {"RED-MUG-350": 410, "BLU-MUG-350": 77, "OAK-BOARD-L": 31, "LIN-APRON": 12, "STL-WHISK": 260}

    def take(self, sku: str, n: int) -> str:
        """A reservation's name."""
        try:
            left = self._left[sku]
        except KeyError as error:
            raise OutOfStockError(f"{sku}: {n} wanted, none left in warehouse ROT-2") from error
        return f"{sku}x{n}/{left}"
