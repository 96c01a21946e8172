"""How Sphinx builds the site (`make site`): from the Markdown as it stands here, with what the docstrings say.

The source is the whole repository, so that links between pages are the same there and here. A link or an anchor that
leads nowhere is an error, and nothing is fetched, neither now nor by the pages.
"""

from logscan import __version__

project = "logscan"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "examples/*.md"]
exclude_patterns = [".*", "benchmarks", "build", "dist", "logscan", "model", "packaging", "site", "tests"]

myst_heading_anchors = 4  # the same as GitHub's
smartquotes = False  # of -- options, too, it would make dashes
default_role = "code"  # what stands between backticks in a docstring
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 90  # longer ones have a line for each parameter

html_theme = "furo"
html_title = "logscan"
html_static_path = ["html/site.css"]
html_css_files = ["site.css"]
html_extra_path = ["html/index.html"]  # the way to the start page, which is docs/index.html
html_copy_source = False
html_show_copyright = False
