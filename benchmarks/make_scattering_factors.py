"""Write the scattering factors that the package carries from those of abTEM.

    python benchmarks/make_scattering_factors.py

Needs abTEM, which the package itself does not. `tests/physics/test_scattering_factors.py`
compares the two for every element.
"""

import json
from importlib.metadata import version
from pathlib import Path

from abtem.parametrizations import LobatoParametrization

from pacbed.crystal.structure import ELEMENTS

TARGET = Path(__file__).resolve().parents[1] / "src/pacbed/crystal/scattering_factors.json"


def main() -> None:
    parameters = LobatoParametrization().parameters
    content = {
        "formula": "f(g) = sum_i a_i (2 + b_i g^2) / (1 + b_i g^2)^2, f in angstrom, "
        "g in 1/angstrom, b_i in angstrom^2; for each element the five a_i, then the five b_i",
        "source": "I. Lobato and D. Van Dyck, Acta Crystallographica A 70 (2014) 636-649; "
        f"taken from abTEM {version('abtem')}, abtem/parametrizations/data/lobato.json",
        "licence": "GPL-3.0-or-later, as abTEM",
        "parameters": {
            symbol: [[float(value) for value in row] for row in values]
            for symbol, values in parameters.items()
            if symbol in ELEMENTS
        },
    }
    missing = sorted(ELEMENTS - set(content["parameters"]))
    if missing:
        raise SystemExit(f"abTEM has no parameters of {', '.join(missing)}")
    lines = json.dumps(content, indent=0).replace(",\n", ", ").replace("[\n", "[")
    lines = lines.replace("\n]", "]").replace("]], ", "]],\n")
    assert json.loads(lines) == content
    TARGET.write_text(lines + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(content['parameters'])} elements")


if __name__ == "__main__":
    main()
