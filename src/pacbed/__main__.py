"""``python -m pacbed``: the command line, where its script is not on the path."""

from pacbed.cli import app

if __name__ == "__main__":
    app(prog_name="pacbed")
