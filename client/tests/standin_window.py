"""Windows of the stand-in for DigitalMicrograph."""

from dmscript_run import references


class Element:
    """A part of a window: its title or value, and its parts."""

    def __init__(self, kind, title="", value=None, action=None):
        self.kind, self.title, self.value, self.action = kind, title, value, action
        self.identifier = ""
        self.parts = []

    def all(self):
        return [self] + [one for part in self.parts for one in part.all()]


def window_commands(gms):
    """The commands that make windows, and those that work on them."""
    return {**_making_commands(), **_working_commands(gms)}


def _making_commands():
    def container(kind):
        @references(1)
        def create(title, items):
            element = Element(kind, title)
            items.set(element.parts)
            return element

        return create

    @references(0)
    def group(items):
        element = Element("group")
        items.set(element.parts)
        return element

    @references(0)
    def choice(items, selected):
        element = Element("choice", value=selected)
        element.labels = []
        items.set(element.labels)
        return element

    return {
        "dlgcreatedialog": container("dialog"),
        "dlgcreatebox": container("box"),
        "dlgcreategroup": group,
        "dlgcreatelabel": lambda title, width: Element("label", title),
        "dlgcreatepushbutton": lambda title, action: Element("button", title, action=action),
        "dlgcreaterealfield": lambda value, width, digits: Element("real", value=value),
        "dlgcreateintegerfield": lambda value, width: Element("integer", value=value),
        "dlgcreatechoice": choice,
    }


def _working_commands(gms):
    def identify(element, identifier):
        element.identifier = identifier
        return element

    def set_value(element, value):
        element.value = value
        return element

    def set_title(element, title):
        assert isinstance(title, str)
        element.title = title
        return element

    def init(instance, dialog):
        instance.dialog = dialog
        return instance

    def display(instance, title):
        gms.window = instance

    def look_up(instance, identifier):
        (found,) = [e for e in instance.dialog.all() if e.identifier == identifier]
        return found

    return {
        "dlgaddchoiceitementry": lambda element, label: element.labels.append(label),
        "dlgaddelement": lambda parts, element: parts.append(element),
        "dlgtablelayout": lambda element, columns, rows, uniform: element,
        "dlgidentifier": identify,
        "dlgvalue": set_value,
        "dlggetvalue": lambda element: element.value,
        "dlgtitle": set_title,
        "lookupelement": look_up,
        "validateview": lambda instance: None,
        "init": init,
        "display": display,
    }
