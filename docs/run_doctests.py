"""Runs the examples that stand in the docstrings of the public names, from the project's root."""

import doctest
import importlib
import os
import sys
from pathlib import Path

from make_api import PUBLIC


def main() -> None:
    os.chdir(Path(__file__).resolve().parents[1])
    # The systems that come with the program, whatever the caller's folders hold.
    os.environ.pop("PACBED_DATA", None)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    finder = doctest.DocTestFinder()
    for package in map(importlib.import_module, PUBLIC):
        for name in package.__all__:
            thing = getattr(package, name)
            if callable(thing):
                home = importlib.import_module(thing.__module__)
                for test in finder.find(thing, f"{package.__name__}.{name}", home):
                    runner.run(test)
    failed, tried = runner.summarize()
    print(f"{tried} lines of examples in docstrings, {failed} failed")
    sys.exit(failed > 0 or tried == 0)


if __name__ == "__main__":
    main()
