"""How the documentation becomes a site: ``make docs``."""

import sys
from pathlib import Path

from pacbed.version import __version__

HERE = Path(__file__).parent
# The extension beside this file, and what the tutorials share.
sys.path[:0] = [str(HERE), str(HERE / "tutorials")]

project = "PACBED-CNN"
author = copyright = "The PACBED-CNN developers"
version = release = __version__

extensions = ["myst_parser", "sphinx_gallery.gen_gallery", "site_pages"]
# Tutorials are read as the pages that their run makes, in made/.
exclude_patterns = ["tutorials"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# Two hyphens begin an option.
smartquotes = False
# Plain links between pages and to their headings, as a code host shows them too.
myst_heading_anchors = 4
myst_fence_as_directive = ["math"]
html_math_renderer = "mathml"

sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "made/tutorials",
    "filename_pattern": r"plot_\d",
    "ignore_pattern": "command_line",
    "within_subsection_order": "FileNameSortKey",
    # The program may have changed where the script has not.
    "run_stale_examples": True,
    "abort_on_example_error": True,
    "capture_repr": ("_repr_html_",),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "reset_modules": ("matplotlib",),
    "min_reported_time": 1_000,
}

# The service of whoever reads the page.
linkcheck_ignore = [r"http://localhost"]

html_theme = "furo"
html_title = f"PACBED-CNN {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
html_show_sourcelink = False
