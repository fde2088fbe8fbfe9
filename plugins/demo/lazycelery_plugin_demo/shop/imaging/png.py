"""What does a PNG's header say?"""

import struct


class HeaderError(ValueError):
    """Not the bytes a PNG starts with."""


def read_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels from the IHDR chunk."""
    try:
        return _unpack(data)
    except struct.error as error:
        raise HeaderError(f"IHDR chunk cut off at byte {len(data)}") from error


def _unpack(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", data[16:24])
    return width, height
