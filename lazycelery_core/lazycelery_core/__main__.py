"""Who runs `python -m lazycelery_core`? The same command line as `lazycelery`."""

from lazycelery_core.cli import main

if __name__ == "__main__":
    main()
