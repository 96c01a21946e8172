"""Does an ONNX file keep weights in the one file that it may, and in no other place?

ONNX lets any tensor name a file, or an address in memory, under the key `location`. What names it is read here as
protobuf, without the package onnx: graph, its initializers, the entries that tell where each is. A key elsewhere, as in
the attribute of a node, shows by the bytes of the word: there must be as many as were read.
"""

from collections.abc import Iterator

LARGEST = 1 << 24  # bytes of a file whose weights are elsewhere
KEY = b"location"
GRAPH, INITIALIZER, ENTRY = 7, 5, 13  # numbers of fields in onnx.proto
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5  # what a field can be


def keeps_apart(content: bytes, name: str) -> bool:
    """Whether weights are in the file `name` beside it. Raises ValueError where another place is named, or may be."""
    told = content.count(KEY)
    if not told:
        return False
    if len(content) > LARGEST:
        raise ValueError
    found = sum(
        [(number, bytes(value)) for number, value in _fields(entry)] == [(1, KEY), (2, name.encode())]
        for graph in _only(GRAPH, memoryview(content))
        for tensor in _only(INITIALIZER, graph)
        for entry in _only(ENTRY, tensor)
    )
    if found != told:
        raise ValueError
    return True


def _only(number: int, message: memoryview) -> Iterator[memoryview]:
    return (content for found, content in _fields(message) if found == number)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The number of each field of bytes, and the bytes. Raises ValueError where it is no message of protobuf."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            _, at = _varint(message, at)
        elif kind == BYTES:
            size, at = _varint(message, at)
            yield number, message[at : at + size]
            at += size
        elif kind in (EIGHT, FOUR):
            at += 8 if kind == EIGHT else 4
        else:
            raise ValueError
    if at != len(message):
        raise ValueError


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins there, seven bits a byte, and where it ends. Raises ValueError where it does not."""
    number = 0
    for place, byte in enumerate(message[at : at + 10]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number, at + place + 1
    raise ValueError
