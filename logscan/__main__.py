"""`python -m logscan`, and the `logscan` command."""

import gc


def main() -> None:
    """Run what was typed. Imports and parsed logs are many objects and little garbage: it is looked for seldom, and not
    at all at the end."""
    gc.set_threshold(100_000, 20, 20)
    from logscan.cli import main as run

    try:
        run()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
