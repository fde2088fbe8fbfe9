"""Pictures of products: the slow work."""

from lazycelery_plugin_demo.shop.application import task
from lazycelery_plugin_demo.shop.imaging.pipeline import load
from lazycelery_plugin_demo.shop.pace import spend

Size = list[int]


@task("img.process_image", acks_late=True)
def process_image(path: str, steps: list[str]) -> dict[str, object]:
    """A photograph made ready for the shop window."""
    width, height = load(path)
    took = [spend(2.0, 9.0) for _ in steps]
    return {"path": path, "size": [width, height], "steps": dict(zip(steps, took, strict=True))}


@task("img.resize_image", acks_late=True)
def resize_image(path: str, size: Size) -> str:
    """The path of the smaller picture."""
    load(path)
    spend(0.6, 6.0)
    return path.replace(".png", f"_{size[0]}x{size[1]}.webp")


@task("img.optimise")
def optimise(path: str, quality: int = 82) -> dict[str, object]:
    """The bytes that were saved."""
    spend(0.3, 2.5)
    return {"path": path, "quality": quality, "saved": f"{quality % 37} kB"}
