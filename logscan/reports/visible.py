"""Log text made safe for a terminal: what would move the cursor, colour or reorder is shown as an escape."""

import re

# C0 without the tab, DEL, C1; bidirectional marks, embeddings, isolates; line and paragraph separators; the
# byte order mark; lone surrogates (bytes of a file name that are not UTF-8); tag characters
HIDDEN = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    r"""The text with `\x1b`, `\u202e` and the like spelt out; tabs stay.

    >>> visible("a\x1b[31mb\tc")
    'a\\x1b[31mb\tc'
    """
    if text.isascii() and text.isprintable():
        return text
    return HIDDEN.sub(lambda match: _escape(ord(match[0])), text)


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # the undecodable byte itself
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
