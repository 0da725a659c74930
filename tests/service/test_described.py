"""What the description says of every field, and that all parts of a request may come together."""

import io
import json

import numpy as np

from pacbed.microscope.file import microscope_text
from pacbed.microscope.record import Microscope

#: Made by the framework.
NOT_OURS = {"HTTPValidationError", "ValidationError"}


def test_every_field_and_parameter_is_described(client):
    described = client.get("/openapi.json").json()
    missing = [
        (name, field)
        for name, schema in described["components"]["schemas"].items() if name not in NOT_OURS
        for field, entry in schema.get("properties", {}).items()
        # Another schema describes itself.
        if not (entry.get("description") or "$ref" in entry
                or any("$ref" in one for one in entry.get("anyOf", ())))
    ]  # fmt: skip
    for path, methods in described["paths"].items():
        for route in methods.values():
            for entry in route.get("parameters", ()):
                if not (entry.get("description") or entry["schema"].get("description")):
                    missing.append((path, entry["name"]))
    assert missing == []


def test_pattern_mask_and_microscope_come_together(client, example):
    def npy(array):
        stored = io.BytesIO()
        np.save(stored, array)
        return stored.getvalue()

    mask = np.zeros(example.shape, np.uint8)
    mask[:40, :40] = 1
    session = microscope_text(Microscope(300.0, 20.0, 0.1, 0.2807, 0.003)).encode()
    answer = client.post(
        "/inference/",
        data={"parameters": json.dumps({"system": "sto-001-300kV", "validation": False})},
        files={"file": ("a.npy", npy(example)), "mask": ("m.npy", npy(mask)),
               "microscope": ("m.toml", session)},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert answer.json()["pixels_left_out"] >= 1600
