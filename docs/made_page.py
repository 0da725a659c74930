"""Pages that are made from the code: written, or held against what is there."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def write_or_check(page: Path, make: Callable[[], str], about: str) -> None:
    """Write a page; with ``--check`` on the command line say whether it is as it would be made."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    made = make()
    if not arguments.check:
        page.write_text(made)
    elif not page.is_file() or page.read_text() != made:
        sys.exit(f"{page.name} is not as the code is: run python docs/make_{page.stem}.py")
