"""Runs what :mod:`dmscript` has parsed."""

import operator

from dmscript import Parser

_NOTHING = {"number": 0, "string": "", "image": None, "object": None, "taggroup": None}
_OPERATORS = {
    "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
    "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


class DMError(Exception):
    """An exception of DMScript, as ``Throw`` and failing commands raise it."""


class _BreakError(Exception):
    pass


class _ReturnError(Exception):
    pass


class Instance:
    """An object of a script's class, which is a window."""

    def __init__(self, name, fields, methods):
        self.name, self.methods = name, methods
        self.fields = {field: _NOTHING[type_] for type_, field in fields}
        self.dialog = None


class _Super:
    def __init__(self, instance):
        self.instance = instance


class Reference:
    """A variable that a command may change."""

    def __init__(self, scope, name):
        self.scope, self.name = scope, name

    def set(self, value):
        self.scope[self.name] = value


def references(*positions):
    """Mark the arguments that a command takes by reference."""

    def mark(command):
        command.references = positions
        return command

    return mark


def as_text(value):
    """How DMScript writes a number: six digits."""
    return value if isinstance(value, str) else format(float(value), "g")


class Interpreter:
    """One script with the commands that it may use.

    Parameters
    ----------
    source : str
    commands : dict
        Functions of DMScript by their name in lower case.
    """

    def __init__(self, source, commands):
        self.parts = Parser(source).program()
        self.commands = dict(commands, alloc=None)
        self.functions = {part[1]: part for part in self.parts if part[0] == "function"}
        self.classes = {part[1]: part for part in self.parts if part[0] == "class"}
        self.globals = {}
        self.steps = 0

    def run(self):
        for part in self.parts:
            if part[0] not in ("function", "class"):
                self.execute(part, [self.globals])

    def call(self, name, *arguments):
        """Call a function of the script."""
        return self._call_function(self.functions[name.lower()], list(arguments), [])

    def press(self, instance, name):
        """Do what a button does that names this method."""
        return self._call_function(instance.methods[name.lower()], [instance], [instance.fields])

    def execute(self, node, scopes):
        self.steps += 1
        assert self.steps < 10**6, "the script does not end"
        getattr(self, "_do_" + node[0])(node, scopes)

    def _do_block(self, node, scopes):
        for statement in node[1]:
            self.execute(statement, scopes)

    def _do_if(self, node, scopes):
        self.execute(node[2] if self.value(node[1], scopes) else node[3], scopes)

    def _do_while(self, node, scopes):
        try:
            while self.value(node[1], scopes):
                self.execute(node[2], scopes)
        except _BreakError:
            pass

    def _do_try(self, node, scopes):
        try:
            self.execute(node[1], scopes)
        except DMError:
            try:
                self.execute(node[2], scopes)
            except _BreakError:
                return
            raise  # DMScript raises again unless the block is left by break

    def _do_return(self, node, scopes):
        raise _ReturnError(None if node[1] is None else self.value(node[1], scopes))

    def _do_break(self, node, scopes):
        raise _BreakError

    def _do_declare(self, node, scopes):
        _, type_, name, value = node
        scopes[0][name] = _NOTHING[type_] if value is None else self.value(value, scopes)

    def _do_assign(self, node, scopes):
        self._scope_of(node[1], scopes)[node[1]] = self.value(node[2], scopes)

    def _do_evaluate(self, node, scopes):
        self.value(node[1], scopes)

    def _scope_of(self, name, scopes):
        for scope in [*scopes, self.globals]:
            if name in scope:
                return scope
        raise DMError(f"{name} is not declared")

    def value(self, node, scopes):
        kind = node[0]
        if kind == "constant":
            return node[1]
        if kind == "name":
            return self._scope_of(node[1], scopes)[node[1]]
        if kind == "member":
            assert node[2] == "super"
            return _Super(self.value(node[1], scopes))
        if kind == "unary":
            value = self.value(node[2], scopes)
            return int(not value) if node[1] == "!" else -value
        if kind == "binary":
            return self._binary(node, scopes)
        return self._call(node[1], node[2], scopes)

    def _binary(self, node, scopes):
        _, sign, left, right = node
        left = self.value(left, scopes)
        if sign in ("&&", "||"):
            decided = bool(left) == (sign == "||")
            return int(bool(left if decided else self.value(right, scopes)))
        right = self.value(right, scopes)
        if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
            return as_text(left) + as_text(right)
        if sign == "+":
            return left + right
        result = _OPERATORS[sign](left, right)
        return int(result) if isinstance(result, bool) else result

    def _call(self, name, arguments, scopes):
        if name == "alloc":
            _, class_name, fields, methods = self.classes[arguments[0][1]]
            return Instance(class_name, fields, methods)
        if name in self.functions:
            return self._call_function(self.functions[name], arguments, [], scopes)
        first = self.value(arguments[0], scopes) if arguments else None
        if isinstance(first, Instance) and name in first.methods:
            return self._call_function(first.methods[name], arguments, [first.fields], scopes)
        if name not in self.commands:
            raise DMError(f"{name} is not a command")
        command = self.commands[name]
        by_reference = getattr(command, "references", ())
        values = []
        for position, argument in enumerate(arguments):
            if position in by_reference:
                assert argument[0] == "name"
                values.append(Reference(self._scope_of(argument[1], scopes), argument[1]))
            else:
                value = first if position == 0 else self.value(argument, scopes)
                values.append(value.instance if isinstance(value, _Super) else value)
        return command(*values)

    def _call_function(self, function, arguments, outer, scopes=None):
        _, name, parameters, body = function
        assert len(parameters) == len(arguments), f"{name}: number of arguments"
        local, copied_back = {}, []
        for (parameter, by_reference), argument in zip(parameters, arguments):
            local[parameter] = argument if scopes is None else self.value(argument, scopes)
            if by_reference:
                copied_back.append((argument[1], parameter))
        result = None
        try:
            self.execute(body, [local, *outer])
        except _ReturnError as returned:
            result = returned.args[0]
        for there, here in copied_back:
            self._scope_of(there, scopes)[there] = local[here]
        return result
