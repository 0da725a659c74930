"""``python -m pacbed.learn.finder``: trains the finder again from nothing but a seed."""

import argparse
import sys
import time
from pathlib import Path

from pacbed.learn.finder.train import FinderTraining, export_finder, train_finder


def main() -> None:
    """Read the options, train and write the network."""
    defaults = FinderTraining()
    parser = argparse.ArgumentParser(prog="python -m pacbed.learn.finder", description=__doc__)
    parser.add_argument("output", type=Path, help="the network to write, such as finder.onnx")
    parser.add_argument(
        "--work", type=Path, default=Path("finder_training"),
        help="folder of the simulated patterns and the checkpoint, from which a training that "
        "was stopped goes on",
    )  # fmt: skip
    for name, words in (
        ("crystals", "random crystals, axes and voltages"),
        ("lattices", "made-up lattices beside them"),
        ("samples", "frames seen in all"),
        ("seed", "of crystals, frames and weights"),
        ("threads", "processor threads of the training step"),
        ("workers", "processes that draw frames beside it"),
    ):
        default = getattr(defaults, name)
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{words} [{default}]")
    given = vars(parser.parse_args())
    output, work = given.pop("output"), given.pop("work")
    options = FinderTraining(**given)
    said = [0.0]

    def report(share: float, words: str) -> None:
        if share in (0.0, 1.0) or time.monotonic() - said[0] > 10:
            said[0] = time.monotonic()
            sys.stdout.write(f"{share:6.1%} {words}\n")
            sys.stdout.flush()

    network, names = train_finder(options, work, report)
    export_finder(network, options, names, output)
    sys.stdout.write(f"wrote {output}\n")


if __name__ == "__main__":
    main()
