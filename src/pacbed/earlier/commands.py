"""``pacbed convert``: models of the earlier system into bundles."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacbed.commands.output import print_block
from pacbed.commands.progress import progress_bar
from pacbed.errors import BundleError, MissingExtraError

if TYPE_CHECKING:
    from pacbed.earlier.folder import EarlierFolder
    from pacbed.library.models.label_bundle import LabelBundle

#: For the help of the command line.
EXAMPLES = """
    Models of the earlier system into bundles that need no extra:

        [bold]pacbed convert data[/bold]
"""
_REGISTER = "Register.csv"


def convert(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Data folder of the earlier system, or one model folder in it.", metavar="FOLDER"
        ),
    ],
) -> None:
    """Turn .h5 models of the earlier system into ONNX, once.

    The folder then serves with the base installation. The converting itself needs the
    extra keras. The .h5 files stay as they are, and so does what the register
    says; each network's answers are compared before and after.

    Example: [bold]pacbed convert data[/bold]

    One model: [bold]pacbed convert data/0/models/rutile[/bold]
    """
    from pacbed.earlier.folder import load_earlier

    places = _places(folder)
    bundles = [load_earlier(place, (".h5",)) for place in places]
    for bundle in bundles:
        _convert(bundle)


def _places(folder: Path) -> "list[EarlierFolder]":
    """Models to convert below a data folder, or the one in a model folder."""
    from pacbed.earlier.places import earlier_folders
    from pacbed.library.models.model_files import DESCRIPTION

    if not folder.is_dir():
        raise BundleError(f"{folder}: is not a folder; give a data folder, or a model folder in it")
    wanted = folder.resolve()
    data = next((p for p in (wanted, *wanted.parents[:3]) if (p / _REGISTER).is_file()), None)
    if data is None:
        raise BundleError(
            f"{folder}: neither it nor a folder above it has a {_REGISTER}; give a data folder, "
            "or a model folder in it"
        )
    found, faults = earlier_folders(data)
    chosen = [p for p in found if wanted in (data, p.folder.resolve())]
    if chosen and wanted == data:
        # Of a whole data folder, those that can be: the others serve as they are.
        chosen = [p for p in chosen if p.folder.is_dir() and any(p.folder.glob("*.[hH]5"))]
    if not chosen:
        why = f"; {faults[0].error}" if faults else ""
        if (wanted / DESCRIPTION).is_file():
            why = ": it is a bundle already"
        raise BundleError(f"{folder}: has no .h5 model of a registered system to convert{why}")
    return chosen


def _convert(bundle: "LabelBundle") -> None:
    """Write networks, labels and a description beside the files they are made from."""
    from pacbed.library.models.model_files import sha256, write_model
    from pacbed.library.models.write_labels import label_entries, labels_csv
    from pacbed.version import __version__

    try:
        from pacbed.earlier.keras_to_onnx import keras_to_onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"converting needs {error.name}: pip install 'pacbed-cnn[keras]'"
        ) from error
    files: dict[str, bytes] = {}
    models, hashes, rows = {}, {}, []
    with progress_bar("converting", total=len(bundle.models)) as bar:
        for number, (target, model) in enumerate(bundle.models.items(), start=1):
            content = bundle.content(target)
            try:
                network, shape = keras_to_onnx(content)
            except BundleError as error:
                raise BundleError(f"{bundle.folder / model.file}: {error}") from error
            # Not the names of the earlier files, which stay as they are.
            stem = Path(model.file).stem
            name, labels = f"{stem}.onnx", f"{stem}_onnx_labels.csv"
            files |= {name: network, labels: labels_csv(target, model.labels.values, 10)}
            models[target] = {"file": name, "labels": labels, "input": list(shape)}
            hashes[target] = sha256(content)
            rows.append((target, f"{model.file} to ONNX, {len(network) / 1e6:.2f} MB"))
            bar.update(number)
    provenance = {
        **bundle.provenance,
        "converted_from": {target: model.file for target, model in bundle.models.items()},
        "converted_from_sha256": hashes,
        "version": __version__,
        "date": datetime.date.today().isoformat(),
    }
    system = bundle.system
    entries = label_entries(models, bundle.convergence_mrad, bundle.preparation, provenance)
    path = write_model(bundle.folder, system, files, entries)
    print_block(str(path.parent), [*rows, ("System", f"{system.id} {system.name}")])


def add_to(app: typer.Typer) -> None:
    """Add the commands of this package to the command line."""
    app.command()(convert)
