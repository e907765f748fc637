"""The site of this folder: `make docs` builds it into build/site. It asks nothing of other hosts."""

project = "Central Data Kitchen"
copyright = "its authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["conf.py"]

html_theme = "furo"
html_title = project
html_show_sourcelink = False
html_copy_source = False
html_use_index = False  # the search finds all of it, on a phone too

myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"show-inheritance": True}
