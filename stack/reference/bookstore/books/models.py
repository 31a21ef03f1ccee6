"""Books and their authors.

`Book` is the well-known tutorial model (title, author, publication date, ISBN, summary) with
more: the author is a separate row, and there are a genre, a price and a stock.
"""

from django.db import models
from django.urls import reverse

from books.isbn import digits


class Genre(models.TextChoices):
    """The genre of a book, as key and label."""

    CRIME = "crime", "Crime"
    FANTASY = "fantasy", "Fantasy"
    HISTORY = "history", "History"
    HORROR = "horror", "Horror"
    MEMOIR = "memoir", "Memoir"
    NATURE = "nature", "Nature"
    POETRY = "poetry", "Poetry"
    ROMANCE = "romance", "Romance"
    SCIENCE = "science", "Science"
    SCIENCE_FICTION = "science-fiction", "Science fiction"
    TRAVEL = "travel", "Travel"
    YOUNG_ADULT = "young-adult", "Young adult"


class Author(models.Model):
    """The author of one or more books."""

    name = models.CharField(max_length=100, db_index=True)
    biography = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """URL of the author's page."""
        return reverse("author", args=[self.pk])


class Book(models.Model):
    """One title in the catalogue.

    `isbn` is as printed and has no index, as in the tutorial; `isbn13` holds its digits and has
    an index. The fault `missing_index` looks books up by `isbn`.
    """

    title = models.CharField(max_length=200)
    author = models.ForeignKey(Author, on_delete=models.PROTECT, related_name="books")
    publication_date = models.DateField()
    isbn = models.CharField(max_length=20)
    isbn13 = models.CharField(max_length=13, editable=False, db_index=True)
    summary = models.TextField()
    genre = models.CharField(max_length=20, choices=Genre)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    stock = models.PositiveIntegerField(default=0)
    cover = models.FileField(upload_to="covers/", blank=True)

    class Meta:
        ordering = ["-publication_date", "-id"]
        indexes = [models.Index(fields=["-publication_date", "-id"], name="book_newest_first")]

    def __str__(self) -> str:
        return self.title

    def save(self, *args, **kwargs) -> None:
        """Update the key from the printed ISBN, then save."""
        self.isbn13 = digits(self.isbn)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """URL of the book's page."""
        return reverse("book", args=[self.pk])
