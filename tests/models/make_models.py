"""Make the small networks in this folder: a model of the earlier system, in both of its forms.

The earlier system trained with Keras 2 in TensorFlow and exported ``.h5`` or ``.tflite``. So
does this script, with networks of a few thousand parameters on patterns of SrTiO3 [001] at
300 kV from the shipped bundle. Neither program is needed for anything else, so they are no
dependency of the project. In an environment of its own, from the root of the repository:

    python -m venv /tmp/tf && /tmp/tf/bin/pip install tensorflow-cpu tf-keras scipy
    TF_USE_LEGACY_KERAS=1 PYTHONPATH=src /tmp/tf/bin/python tests/models/make_models.py

It takes some minutes on two cores. Like the earlier system's, the networks have a backbone of
separable convolutions as a model within the model, take the convergence angle before the last
layers, and have their two inputs in either order.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pacbed.earlier.frame import earlier_frame, prepare_pattern
from pacbed.library.installed import load_bundle
from pacbed.library.models.label_table import COLUMNS
from pacbed.pattern.geometry import PatternParameters
from pacbed.pattern.label_frame import Placement
from pacbed.pattern.synthesis import synthesise

FOLDER = Path(__file__).parent
LABELS = {
    "Thickness": [100.0, 200.0, 300.0, 400.0, 500.0, 600.0],
    "Mistilt": [0.0, 1.5, 3.0, 4.5, 6.0],
    "Scale": [0.6, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0],
}
#: What the simulated pictures show, and the convergence angles of ``df.csv``.
HALF_FIELD_MRAD, CONVERGENCE_MRAD = 26.0, (15.0, 25.0)
SIZE, PATTERNS, VIEWS, EPOCHS = 24, 3000, 6, 30


def simulate(rng, table):
    """One pattern as recorded: the pattern, half the frame's width in it, and its labels."""
    thickness, mistilt = (rng.choice(LABELS[name]) for name in ("Thickness", "Mistilt"))
    azimuth, alpha = rng.uniform(0, 2 * np.pi), rng.uniform(*CONVERGENCE_MRAD)
    half_width = rng.uniform(34, 46)
    parameters = PatternParameters(
        thickness_nm=thickness / 10,
        tilt_x_mrad=mistilt * np.cos(azimuth),
        tilt_y_mrad=mistilt * np.sin(azimuth),
        convergence_mrad=alpha,
        mrad_per_pixel=HALF_FIELD_MRAD / half_width,
        rotation_deg=rng.uniform(0, 360),
    )
    electrons = synthesise(table, parameters, (96, 96)) * 10 ** rng.uniform(5.5, 7)
    pattern = rng.poisson(np.maximum(electrons, 0)).astype(np.float32)
    return pattern, half_width, alpha, thickness, mistilt


def make_frames(rng, table):
    """Training data: images, scaled convergence angles and the labels of each target."""
    images, angles, labels = [], [], {name: [] for name in LABELS}
    for _ in range(PATTERNS):
        pattern, half_width, alpha, thickness, mistilt = simulate(rng, table)
        prepared, square = prepare_pattern(pattern)
        for _ in range(VIEWS):
            scale = rng.choice(LABELS["Scale"])
            right = half_width * rng.uniform(0.96, 1.04)
            row, column = square.row + rng.normal(), square.column + rng.normal()
            turn = rng.uniform(0, 360)
            pair = [
                earlier_frame(prepared, Placement(row, column, half, rotation_deg=turn), SIZE)
                for half in (right, half_width * scale)
            ]
            images.append(pair)
            angles.append((alpha - CONVERGENCE_MRAD[0]) / np.ptp(CONVERGENCE_MRAD))
            for name, value in zip(LABELS, (thickness, mistilt, scale), strict=True):
                labels[name].append(LABELS[name].index(value))
    return np.array(images)[..., None].repeat(3, -1), np.array(angles)[:, None], labels


def build(target):
    """The network for a target."""
    layers = keras.layers
    image, angle = keras.Input((SIZE, SIZE, 3)), keras.Input((1,))
    inside = keras.Input((SIZE, SIZE, 3))
    x = layers.SeparableConv2D(12, 3, strides=2, activation="relu")(inside)
    x = layers.BatchNormalization()(x)
    x = layers.SeparableConv2D(16, 3, strides=2, activation="relu")(x)
    backbone = keras.Model(inside, layers.BatchNormalization()(x))
    x = layers.Concatenate()([layers.Flatten()(backbone(image)), angle])
    x = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(x))
    out = layers.Dense(len(LABELS[target]), activation="softmax")(x)
    inputs = [angle, image] if target == "Mistilt" else [image, angle]
    return keras.Model(inputs, out)


def main():
    rng = np.random.default_rng(5)
    keras.utils.set_random_seed(5)
    images, angles, labels = make_frames(rng, load_bundle("sto-001-300kV").table)
    for target, column in COLUMNS.items():
        # Thickness and mistilt see the right scale, the scale network a wrong one.
        seen = images[:, 1 if target == "Scale" else 0]
        model = build(target)
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        inputs = [angles, seen] if target == "Mistilt" else [seen, angles]
        model.fit(inputs, np.array(labels[target]), 64, EPOCHS, validation_split=0.1, verbose=2)
        model.save(FOLDER / f"Small_{target}.h5", include_optimizer=False)
        lite = tf.lite.TFLiteConverter.from_keras_model(model).convert()
        (FOLDER / f"Small_{target}.tflite").write_bytes(lite)
        rows = "\n".join(f"{number};{value:g}" for number, value in enumerate(LABELS[target]))
        (FOLDER / f"Small_{target}_labels.csv").write_text(f"Index;{column}\n{rows}\n")


if __name__ == "__main__":
    main()
