"""A stand-in for DigitalMicrograph as its scripts see it: commands, windows, messages."""

import sys
import traceback

import numpy as np

from dmscript_run import DMError, Interpreter, references
from standin_dm import StandInDM, StandInTags
from standin_window import window_commands


class StandInGMS:
    """DigitalMicrograph with one user.

    Attributes
    ----------
    dm : StandInDM
        What Python sees of it.
    messages, results : list of str
        Message boxes, and what was written to the results window.
    answers : list
        What the user answers to questions, in turn: (accepted, text) or accepted.
    python : list of str
        The Python that scripts have run.
    python_error : {"", "print", "throw", "ignore"}
        What happens to Python's exceptions, or that Python does not run at all.
    camera : ndarray or None
        What the camera gives.
    """

    def __init__(self):
        self.dm = StandInDM()
        self.front = None
        self.messages, self.results, self.questions, self.answers = [], [], [], []
        self.python, self.tracebacks, self.slept = [], [], 0.0
        self.python_error = "print"
        self.camera = None
        self.window = None

    def load(self, path):
        """A script, ready to run."""
        with open(path, encoding="utf-8") as file:
            return Interpreter(file.read(), commands(self))

    def run_python(self, script):
        self.python.append(script)
        if self.python_error == "ignore":
            return
        if self.python_error == "throw":
            raise DMError("unknown command")
        before = sys.modules.get("DigitalMicrograph")
        sys.modules["DigitalMicrograph"] = self.dm
        try:
            exec(compile(script, "<DMScript>", "exec"), {"__name__": "__main__"})
        except Exception:
            self.tracebacks.append(traceback.format_exc())
        finally:
            if before is None:
                del sys.modules["DigitalMicrograph"]
            else:
                sys.modules["DigitalMicrograph"] = before

    def show(self, pixels, voltage_V=None, name="front"):
        """Put an image on the screen, as if recorded at a high tension."""
        self.front = self.dm.show(pixels, name)
        if voltage_V is not None:
            self.front.tag_group._set("Microscope Info:Voltage", float(voltage_V))
        return self.front

    def note(self, path):
        return self.dm.persistent.value(path)

    def element(self, identifier):
        (found,) = [e for e in self.window.dialog.all() if e.identifier == identifier]
        return found

    def titles(self):
        return {e.identifier: e.title for e in self.window.dialog.all() if e.identifier}

    def actions(self):
        return [e.action for e in self.window.dialog.all() if e.action]


def commands(gms):
    """The commands of DMScript that the examples use."""
    groups = (
        _plain_commands(),
        _image_commands(gms),
        _tag_commands(gms),
        _user_commands(gms),
        window_commands(gms),
        _camera_commands(gms),
    )
    return {name: command for group in groups for name, command in group.items()}


def _plain_commands():
    return {
        "len": len,
        "mid": lambda text, start, count: text[start : start + count],
        "asc": ord,
        "abs": abs,
    }


def _image_commands(gms):
    def get_named_image(name):
        image = gms.dm.named(name)
        if image is None:
            raise DMError("An image with given name cannot be found")
        return image

    def get_front_image():
        if gms.front is None:
            raise DMError("there is no image")
        return gms.front

    def rgb(red, green, blue):
        pixels = np.stack([red.pixels, green.pixels, blue.pixels], axis=2)
        image = gms.dm.CreateImage(np.zeros((1, 1), np.uint8))
        image.pixels = pixels
        return image

    def show(image):
        image.ShowImage()
        gms.front = image

    def copy_tags(target, source):
        target.tags.update(source.copy().tags)

    return {
        "countimagedocuments": lambda: sum(i.is_shown for i in gms.dm.images.values()),
        "getfrontimage": get_front_image,
        "getnamedimage": get_named_image,
        "imagegetid": lambda image: image.number,
        "imagegettaggroup": lambda image: image.tag_group,
        "imagegetnumdimensions": lambda image: image.pixels.ndim,
        "imageisvalid": lambda image: image is not None and image.number in gms.dm.images,
        "getname": lambda image: image.name,
        "setname": lambda image, name: image.SetName(name),
        "showimage": show,
        "deleteimage": gms.dm.remove,
        "rgb": rgb,
        "taggroupcopytagsfrom": copy_tags,
    }


def _tag_commands(gms):
    def read(tags, path, variable, type_):
        value = tags.value(path)
        if value is None or isinstance(value, StandInTags):
            return 0
        variable.set(type_(value))
        return 1

    @references(1)
    def number_note(path, variable):
        return read(gms.dm.persistent, path, variable, float)

    @references(1)
    def string_note(path, variable):
        return read(gms.dm.persistent, path, variable, str)

    @references(2)
    def tag_as_number(tags, path, variable):
        return read(tags, path, variable, float)

    return {
        "getpersistentnumbernote": number_note,
        "getpersistentstringnote": string_note,
        "setpersistentnumbernote": gms.dm.persistent.SetTagAsFloat,
        "setpersistentstringnote": gms.dm.persistent.SetTagAsString,
        "taggroupgettagasnumber": tag_as_number,
    }


def _user_commands(gms):
    @references(2)
    def get_string(question, default, variable):
        gms.questions.append(question)
        accepted, text = gms.answers.pop(0)
        if accepted:
            variable.set(text)
        return int(accepted)

    def two_buttons(question, yes, no):
        gms.questions.append(question)
        return int(gms.answers.pop(0))

    def sleep(seconds):
        gms.slept += seconds

    def execute_python(script, in_background):
        assert in_background == 0, "the call must wait"
        gms.run_python(script)

    return {
        "okdialog": gms.messages.append,
        "result": gms.results.append,
        "getstring": get_string,
        "twobuttondialog": two_buttons,
        "sleep": sleep,
        "executepythonscriptstring": execute_python,
    }


def _camera_commands(gms):
    def camera():
        if gms.camera is None:
            raise DMError("no camera")
        return "camera"

    def acquire(camera, settings):
        image = gms.dm.CreateImage(gms.camera.copy())
        image.tag_group._set("Microscope Info:Voltage", 200000.0)
        return image

    return {
        "cm_getcurrentcamera": camera,
        "cm_createacquisitionparameters_fullccd": lambda *settings: settings,
        "cm_acquireimage": acquire,
    }
