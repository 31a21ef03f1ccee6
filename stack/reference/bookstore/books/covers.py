"""Covers: a drawing computed from ISBN and title, as SVG for pages and PNG for mails.

Mail programs show no SVG, so the picture in a confirmation is drawn pixel by pixel. That takes
some milliseconds of pure Python, like invoices and thumbnails on other sites.
"""

import colorsys
import struct
import zlib
from dataclasses import dataclass
from html import escape
from random import Random
from textwrap import wrap

WIDTH, HEIGHT = 200, 300
_DISCS = 28


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle."""

    x: int
    y: int
    radius: int
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Design:
    """Two colours of the background, from top to bottom, and discs in drawing order."""

    top: tuple[int, int, int]
    bottom: tuple[int, int, int]
    discs: tuple[Disc, ...]


def design(isbn13: str, title: str) -> Design:
    """Compute the drawing of a book; only `random()` is used, because its sequence is stable."""
    draw = Random(f"{isbn13}/{title}").random
    hue = draw()
    discs = tuple(
        Disc(
            x=int(draw() * WIDTH),
            y=int(draw() * HEIGHT),
            radius=8 + int(draw() * 42),
            colour=_colour(hue + 0.08 + 0.3 * draw(), 0.45 + 0.4 * draw(), 0.5 + 0.4 * draw()),
        )
        for _ in range(_DISCS)
    )
    return Design(_colour(hue, 0.55, 0.35), _colour(hue + 0.1, 0.65, 0.2), discs)


def svg(isbn13: str, title: str, author: str) -> str:
    """Draw the cover for pages, about three kilobytes."""
    drawn = design(isbn13, title)
    discs = "\n".join(
        f'<circle cx="{disc.x}" cy="{disc.y}" r="{disc.radius}" fill="{_hex(disc.colour)}"'
        ' fill-opacity="0.8"/>'
        for disc in drawn.discs
    )
    lines = "\n".join(
        f'<text x="100" y="{52 + 26 * row}" font-size="21" font-weight="bold">{escape(line)}</text>'
        for row, line in enumerate(wrap(title, 16)[:5])
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">
<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="{_hex(drawn.top)}"/>\
<stop offset="1" stop-color="{_hex(drawn.bottom)}"/></linearGradient></defs>
<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#g)"/>
{discs}
<g fill="#fff" stroke="#000" stroke-opacity="0.5" stroke-width="3" paint-order="stroke" \
text-anchor="middle" font-family="Georgia, serif">
{lines}
<text x="100" y="280" font-size="14">{escape(author[:30])}</text>
</g>
</svg>
"""


def png(drawn: Design, scale: int = 2) -> bytes:
    """Draw the cover without text as a PNG, at `1/scale` of the size."""
    rows = bytearray()
    for y in range(0, HEIGHT, scale):
        part = y / HEIGHT
        ground = tuple(
            int(a + (b - a) * part) for a, b in zip(drawn.top, drawn.bottom, strict=True)
        )
        near = [disc for disc in drawn.discs if abs(disc.y - y) < disc.radius]
        rows.append(0)
        for x in range(0, WIDTH, scale):
            dot = ground
            for disc in near:
                if (disc.x - x) ** 2 + (disc.y - y) ** 2 < disc.radius**2:
                    dot = disc.colour
            rows += bytes(dot)
    size = struct.pack(">IIBBBBB", -(-WIDTH // scale), -(-HEIGHT // scale), 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(rows), 6)
    chunks = [_chunk(b"IHDR", size), _chunk(b"IDAT", body), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk: length, kind, body, and the checksum of kind and body."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """Convert to red, green and blue from 0 to 255."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(saturation, 1), min(value, 1))
    return int(red * 255), int(green * 255), int(blue * 255)


def _hex(colour: tuple[int, int, int]) -> str:
    """Format as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
