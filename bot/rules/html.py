"""Tells HTML from other text with angle brackets, such as `List<String>`, `<thread>`, `a < b` and `<bob@example.com>`.

Names of tags end as in a browser: before a white space, a slash or `>`.
"""

import re

_ELEMENT_NAMES = """
a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote body br
button canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed
fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img
input ins isindex kbd keygen label legend li link listing main map mark marquee math menu menuitem meta meter multicol
nav nextid nobr noembed noframes noscript object ol optgroup option output p param picture plaintext pre progress q rb
rp rt rtc ruby s samp script search section select selectedcontent slot small source spacer span strike strong style sub
summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr xmp
"""
_TYPE_NAMES = """
a address area article aside audio b base body button canvas caption center cite code col data details dialog dir embed
figure font footer form frame head header html i input label legend link listing main map mark math menu meta meter nav
object option output p param picture progress q s search section select slot small source span strike strong style sub
summary table template time title track u var video
"""
ELEMENTS = frozenset(_ELEMENT_NAMES.split())
"""The elements of HTML, with those that browsers still know, and the two languages within it."""

TYPES = frozenset(_TYPE_NAMES.split())
"""Elements whose names programs give to types and variables, too: after a word they are text, as in `Vec<Object>`."""

_MARKUP = re.compile(r"<!--|<!doctype\b|<!\[cdata\[|<\?[a-z]", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-z][^\s/<>]*)([^<>]*)(>?)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"[\s/]+(?:href\b|[a-z][\w:.-]*\s*=)", re.IGNORECASE)
_ACTIVE_ATTRIBUTE = re.compile(r"""[\s/"'](?:on[a-z]{3,}|src)\s*=""", re.IGNORECASE)
_AFTER_WORD = re.compile(r"(?:\w|::)\Z")


def has_html(text: str) -> bool:
    """Whether a text has a tag of HTML, a comment, or another construct that browsers hide. Takes linear time."""
    return _MARKUP.search(text) is not None or any(_is_html(tag) for tag in _TAG.finditer(text))


def _is_html(tag: re.Match[str]) -> bool:
    slash, name, attributes, end = tag.groups()
    if _ACTIVE_ATTRIBUTE.search(attributes):
        return True
    if name.lower() not in ELEMENTS:
        return False
    if slash or name.lower() not in TYPES or _ATTRIBUTE.match(attributes) or (end and attributes.endswith("/")):
        return True
    return bool(end) and _AFTER_WORD.search(tag.string, max(0, tag.start() - 2), tag.start()) is None
