"""Draw a flow as its data flow: plain Python from the text of a document to SVG. It needs no Django.

::

    picture = picture_of(text, report.findings, report.hints)
    to_svg(picture)        # for a page that has picture.css
    to_svg_file(picture)   # a file that stands alone

The text may be wrong: what can be read of it is drawn, with what the checker found at its place.
"""

from flows.picture.file import to_svg_file
from flows.picture.model import Node, Picture, Read, picture_of
from flows.picture.parts import Part, drawn_in_part, parts_of
from flows.picture.svg import to_svg

__all__ = ["Node", "Part", "Picture", "Read", "drawn_in_part", "parts_of", "picture_of", "to_svg", "to_svg_file"]
