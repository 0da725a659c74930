"""What the site adds to the pages as they lie here: those outside of this folder, and formulas."""

import os
import re
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

DOCS = Path(__file__).parent
ROOT = DOCS.parent
#: Pages beside the folder, by their place in the project and the name that the site gives them.
OUTSIDE = {
    "README.md": "made/readme",
    "CHANGELOG.md": "made/changelog",
    "CONTRIBUTING.md": "made/contributing",
    "examples/README.md": "made/examples",
}
_LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")


def _moved(text, folder, page_folder):
    """Text whose links lead on from another folder: those of the site's own pages, and files."""

    def link(found):
        target = os.path.normpath(folder / found[2])
        place = os.path.relpath(target, ROOT)
        there = DOCS / f"{OUTSIDE[place]}.md" if place in OUTSIDE else target
        return f"{found[1]}{Path(os.path.relpath(there, page_folder)).as_posix()}{found[3]}"

    return _LINK.sub(link, text)


def _bring_outside_pages(app):
    """Write the outside pages where Sphinx finds them, if they changed."""
    for place, name in OUTSIDE.items():
        page, source = DOCS / f"{name}.md", ROOT / place
        text = _moved(source.read_text(encoding="utf-8"), source.parent, page.parent)
        page.parent.mkdir(exist_ok=True)
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def _lead_to_outside_pages(app, name, source):
    """Links of a page of this folder to an outside one lead to the site's copy."""
    if "../" in source[0] and not name.startswith("made/"):
        source[0] = _moved(source[0], DOCS, DOCS)


# Formulas as MathML, which browsers draw themselves: the usual scripts come from another host.


def _inline(writer, node):
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _block(writer, node):
    writer.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.connect("builder-inited", _bring_outside_pages)
    app.connect("source-read", _lead_to_outside_pages)
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
