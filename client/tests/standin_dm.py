"""A stand-in for the module DigitalMicrograph, which behaves as its documentation says.

Sizes are (columns, rows) in DigitalMicrograph and (rows, columns) in NumPy; a NumPy
array of an image shares its memory; ``CreateImage`` takes arrays of some data types
only, which must own their memory row by row; tags lie in groups, with paths joined by
colons, and have types.
"""

import numpy as np

_IMAGE_TYPES = {
    np.dtype(name)
    for name in (
        "int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64",
        "complex64", "complex128",
    )
}  # fmt: skip


class StandInTags:
    """A TagGroup: float tags keep 32 bits, long tags are 32-bit integers."""

    def __init__(self):
        self.tags = {}

    def _place(self, path):
        *groups, label = path.split(":")
        tags = self
        for group in groups:
            tags = tags.tags.setdefault(group, StandInTags())
            assert isinstance(tags, StandInTags), "a tag is no group"
        return tags.tags, label

    def _set(self, path, value):
        tags, label = self._place(path)
        tags[label] = value

    def value(self, path, default=None):
        """What is stored at a path."""
        here = self
        for label in path.split(":"):
            if not isinstance(here, StandInTags) or label not in here.tags:
                return default
            here = here.tags[label]
        return here

    def SetTagAsFloat(self, path, value):
        assert type(value) in (int, float)
        self._set(path, float(np.float32(value)))

    def SetTagAsLong(self, path, value):
        assert type(value) is int
        assert -(2**31) <= value < 2**31
        self._set(path, value)

    def SetTagAsString(self, path, value):
        assert type(value) is str
        self._set(path, value)

    def GetTagAsString(self, path):
        value = self.value(path)
        return isinstance(value, str), value if isinstance(value, str) else ""

    def GetTagAsFloat(self, path):
        value = self.value(path)
        there = isinstance(value, (int, float))
        return there, float(value) if there else 0.0

    def DeleteTagWithLabel(self, path):
        tags, label = self._place(path)
        tags.pop(label, None)

    def copy(self):
        twin = StandInTags()
        for label, value in self.tags.items():
            twin.tags[label] = value.copy() if isinstance(value, StandInTags) else value
        return twin


class StandInComponent:
    """A text, or what it lies on."""

    def __init__(self, text=""):
        self.text, self.parent, self.children = text, None, []

    def SetForegroundColor(self, red, green, blue):
        assert all(0 <= share <= 1 for share in (red, green, blue))

    def AddChildAtEnd(self, child):
        child.parent = self
        self.children.append(child)

    def RemoveFromParent(self):
        self.parent.children.remove(self)


class StandInImage:
    """A Py_Image."""

    def __init__(self, number, pixels):
        self.number = number
        self.pixels = pixels
        self.name = ""
        self.is_shown = False
        self.tag_group = StandInTags()
        self.display = StandInComponent()

    def GetImageDisplay(self, number):
        assert number == 0
        return self.display

    def labels(self):
        """Texts that lie on the image."""
        return [child.text for child in self.display.children]

    def GetID(self):
        return self.number

    def GetNumArray(self):
        return self.pixels.view()

    def GetDimensionSize(self, dimension):
        return self.pixels.shape[::-1][dimension]

    def SetName(self, name):
        assert type(name) is str
        self.name = name

    def GetName(self):
        return self.name

    def GetTagGroup(self):
        return self.tag_group

    def ShowImage(self):
        self.is_shown = True


class StandInDM:
    """The module."""

    def __init__(self):
        self.images, self.made = {}, 0
        self.persistent = StandInTags()
        self.results = []

    def GetFrontImage(self):
        shown = [image for image in self.images.values() if image.is_shown]
        if not shown:
            raise RuntimeError("there is no front image")
        return shown[-1]

    def NewTextAnnotation(self, left, top, text, size):
        return StandInComponent(text)

    def Result(self, text):
        self.results.append(text)

    def CreateImage(self, array):
        assert isinstance(array, np.ndarray)
        assert array.dtype in _IMAGE_TYPES
        assert array.dtype.isnative
        assert array.flags.owndata
        assert array.flags.c_contiguous
        # No number is given twice, also where an image was deleted.
        self.made += 1
        image = StandInImage(self.made, array)
        self.images[image.number] = image
        return image

    def FindImageByID(self, number):
        assert type(number) is int
        return self.images.get(number)

    def GetPersistentTagGroup(self):
        return self.persistent

    def show(self, pixels, name="front"):
        """Put an image on the screen, as the user does."""
        image = self.CreateImage(np.array(pixels, order="C"))
        image.SetName(name)
        image.ShowImage()
        return image

    def named(self, name):
        """The image that DMScript's GetNamedImage finds: only those that are shown."""
        found = [image for image in self.images.values() if image.name == name and image.is_shown]
        return found[-1] if found else None

    def remove(self, image):
        del self.images[image.number]
