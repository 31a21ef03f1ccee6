"""Covers: deterministic, valid SVG and PNG, and shown on the pages."""

import struct
import zlib
from xml.etree import ElementTree

from django.test import SimpleTestCase, TestCase

from books import covers
from bookstore.testing import make_book


class DrawingTests(SimpleTestCase):
    """The drawing as SVG and as PNG."""

    def test_the_same_book_has_the_same_cover_and_another_has_another(self) -> None:
        one = covers.svg("9780306406157", "A Title", "An Author")
        self.assertEqual(one, covers.svg("9780306406157", "A Title", "An Author"))
        self.assertNotEqual(one, covers.svg("9780306406158", "A Title", "An Author"))

    def test_untrusted_text_is_escaped(self) -> None:
        text = covers.svg("1", "</svg><script>x</script> & more", '"><i>')
        root = ElementTree.fromstring(text)
        self.assertEqual({part.tag.split("}")[1] for part in root.iter()} & {"script", "i"}, set())
        words = " ".join(part.text for part in root.iter() if part.tag.endswith("text"))
        self.assertIn("& more", words)

    def test_size(self) -> None:
        size = len(covers.svg("9780306406157", "The Long Title of an Amber Atlas", "A. B."))
        self.assertTrue(2_000 < size < 6_000, size)

    def test_the_png_shows_the_drawing(self) -> None:
        disc = covers.Disc(100, 150, 40, (255, 0, 0))
        drawn = covers.Design((0, 0, 0), (0, 0, 200), (disc,))
        picture = covers.png(drawn, scale=2)
        self.assertTrue(picture.startswith(b"\x89PNG\r\n\x1a\n"))
        width, height = struct.unpack(">II", picture[16:24])
        self.assertEqual((width, height), (100, 150))
        start = picture.index(b"IDAT")
        length = struct.unpack(">I", picture[start - 4 : start])[0]
        dots = zlib.decompress(picture[start + 4 : start + 4 + length])
        self.assertEqual(len(dots), 150 * (1 + 3 * 100))

        def pixel(x: int, y: int) -> tuple[int, ...]:
            begin = y * 301 + 1 + 3 * x
            return tuple(dots[begin : begin + 3])

        self.assertEqual(pixel(50, 75), (255, 0, 0))
        self.assertEqual(pixel(0, 0), (0, 0, 0))
        self.assertGreater(pixel(0, 149)[2], 190)


class PageTests(TestCase):
    """The pages that show covers."""

    def test_a_cover_is_on_book_page_and_catalogue(self) -> None:
        book = make_book(cover="covers/1.svg")
        self.assertContains(self.client.get(book.get_absolute_url()), 'src="/media/covers/1.svg"')
        self.assertContains(self.client.get("/catalogue/"), 'src="/media/covers/1.svg"')

    def test_a_book_may_have_no_cover(self) -> None:
        book = make_book()
        self.assertNotContains(self.client.get(book.get_absolute_url()), "<img")
        self.assertNotContains(self.client.get("/catalogue/"), "<img")
