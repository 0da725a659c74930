"""An interpreter for the part of DMScript that the examples use.

The scripts cannot be run without DigitalMicrograph, whose language this follows where the
examples rely on it: names without regard to case, ``x.f(y)`` for ``f(x, y)``, references
(``number &x``), ``:=``, text + number, classes with fields, ``try``/``catch`` left by
``break``. What it does not know is an error.
"""

import re

TYPES = {"number", "string", "image", "object", "taggroup", "void"}
_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|//[^\n]*|/\*.*?\*/)
    |(?P<newline>\n)
    |(?P<number>\d+\.?\d*)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator>:=|\+=|\+\+|==|!=|<=|>=|&&|\|\||[-+*/!<>=(){},;.&:])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"'}
_BINARY = [["||"], ["&&"], ["==", "!="], ["<", ">", "<=", ">="], ["+", "-"], ["*", "/"]]


def tokens(source):
    """Kind and text of each token; names in lower case, no line ends inside parentheses."""
    found, position, depth = [], 0, 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise SyntaxError(f"not DMScript: {source[position : position + 30]!r}")
        position = match.end()
        kind, text = match.lastgroup, match.group()
        if kind == "skip":
            continue
        if kind == "operator":
            depth += {"(": 1, ")": -1}.get(text, 0)
        if kind == "newline" and depth:
            continue
        if kind == "string":
            text = re.sub(r"\\(.)", lambda escape: _ESCAPES[escape.group(1)], text[1:-1])
        found.append((kind, text.lower() if kind == "name" else text))
    return [*found, ("end", "")]


class Parser:
    """Recursive descent, to tuples whose first entry says what they are."""

    def __init__(self, source):
        self.tokens = tokens(source)
        self.at = 0

    def peek(self, offset=0):
        return self.tokens[min(self.at + offset, len(self.tokens) - 1)]

    def take(self, text=None):
        kind, found = self.peek()
        if text is not None and (kind == "string" or found != text):
            raise SyntaxError(
                f"{text!r} expected, found {found!r} after {self.tokens[: self.at][-8:]}"
            )
        self.at += 1
        return found

    def accept(self, text):
        kind, found = self.peek()
        if kind != "string" and found == text:
            self.at += 1
            return True
        return False

    def skip_ends(self):
        while self.peek()[0] == "newline" or self.peek() == ("operator", ";"):
            self.at += 1

    def program(self):
        """Functions, classes and statements."""
        parts = []
        self.skip_ends()
        while self.peek()[0] != "end":
            if self.accept("class"):
                parts.append(self.class_())
            elif self.peek()[1] in TYPES and self.peek(2)[1] == "(":
                parts.append(self.function())
            else:
                parts.append(self.statement())
            self.skip_ends()
        return parts

    def class_(self):
        name = self.take()
        self.take(":")
        self.take("uiframe")
        self.skip_ends()
        self.take("{")
        fields, methods = [], {}
        self.skip_ends()
        while not self.accept("}"):
            if self.peek(2)[1] == "(":
                method = self.function()
                methods[method[1]] = method
            else:
                fields.append((self.take(), self.take()))
            self.skip_ends()
        return ("class", name, fields, methods)

    def function(self):
        self.take()
        name = self.take()
        self.take("(")
        parameters = []
        while not self.accept(")"):
            assert self.take() in TYPES
            by_reference = self.accept("&")
            parameters.append((self.take(), by_reference))
            self.accept(",")
        self.skip_ends()
        return ("function", name, parameters, self.block())

    def block(self):
        self.take("{")
        statements = []
        self.skip_ends()
        while not self.accept("}"):
            statements.append(self.statement())
            self.skip_ends()
        return ("block", statements)

    def body(self):
        self.skip_ends()
        return self.statement()

    def statement(self):
        kind, text = self.peek()
        if (kind, text) == ("operator", "{"):
            return self.block()
        if kind == "name" and text in ("if", "for", "while", "try"):
            return getattr(self, text + "_")()
        if kind == "name" and text in ("return", "break"):
            self.take()
            ends = self.peek()[0] in ("newline", "end") or self.peek()[1] in (";", "}")
            return (text, None if ends or text == "break" else self.expression())
        if kind == "name" and text in TYPES and self.peek(1)[0] == "name":
            return self.declaration()
        return self.simple()

    def if_(self):
        self.take("if")
        self.take("(")
        condition = self.expression()
        self.take(")")
        then = self.body()
        before = self.at
        self.skip_ends()
        if self.accept("else"):
            return ("if", condition, then, self.body())
        self.at = before
        return ("if", condition, then, ("block", []))

    def for_(self):
        self.take("for")
        self.take("(")
        start = self.simple()
        self.take(";")
        condition = self.expression()
        self.take(";")
        step = self.simple()
        self.take(")")
        return ("block", [start, ("while", condition, ("block", [self.body(), step]))])

    def while_(self):
        self.take("while")
        self.take("(")
        condition = self.expression()
        self.take(")")
        return ("while", condition, self.body())

    def try_(self):
        self.take("try")
        attempt = self.body()
        self.skip_ends()
        self.take("catch")
        return ("try", attempt, self.body())

    def declaration(self):
        type_, name = self.take(), self.take()
        value = self.expression() if self.accept("=") or self.accept(":=") else None
        return ("declare", type_, name, value)

    def simple(self):
        target = self.expression()
        if self.accept("++"):
            return ("assign", target[1], ("binary", "+", target, ("constant", 1)))
        if self.accept("+="):
            return ("assign", target[1], ("binary", "+", target, self.expression()))
        if self.accept("=") or self.accept(":="):
            assert target[0] == "name"
            return ("assign", target[1], self.expression())
        return ("evaluate", target)

    def expression(self, level=0):
        if level == len(_BINARY):
            return self.unary()
        left = self.expression(level + 1)
        while self.peek()[0] == "operator" and self.peek()[1] in _BINARY[level]:
            left = ("binary", self.take(), left, self.expression(level + 1))
        return left

    def unary(self):
        if self.peek()[0] == "operator" and self.peek()[1] in "!-":
            return ("unary", self.take(), self.unary())
        value = self.primary()
        while self.accept("."):
            name = self.take()
            if self.peek() == ("operator", "("):
                value = ("call", name, [value, *self.arguments()])
            else:
                value = ("member", value, name)
        return value

    def primary(self):
        kind, text = self.peek()
        self.at += 1
        if kind == "number":
            return ("constant", float(text) if "." in text else int(text))
        if kind == "string":
            return ("constant", text)
        if kind == "name":
            is_call = self.peek() == ("operator", "(")
            return ("call", text, self.arguments()) if is_call else ("name", text)
        if text == "(":
            value = self.expression()
            self.take(")")
            return value
        raise SyntaxError(f"an expression expected, found {text!r}")

    def arguments(self):
        self.take("(")
        arguments = []
        while not self.accept(")"):
            arguments.append(self.expression())
            if self.peek() != ("operator", ")"):
                self.take(",")
        return arguments
