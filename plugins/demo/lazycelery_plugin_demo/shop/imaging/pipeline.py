"""From a path to a picture."""

from lazycelery_plugin_demo.shop.imaging.png import HeaderError, read_size


class ImageError(Exception):
    """The file is no picture we can use."""


def load(path: str) -> tuple[int, int]:
    """Width and height in pixels."""
    data = _fetch(path)
    try:
        return read_size(data)
    except HeaderError as error:
        raise ImageError(f"{path}: not a PNG ({len(data)} bytes)") from error


def _fetch(path: str) -> bytes:
    """The head of the file, as the media store would send it; names with "broken" were cut off in the upload."""
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x0f\xa0\x00\x00\x0b\xb8"
    return head[:17] if "broken" in path else head
