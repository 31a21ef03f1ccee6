"""The JSON form of a book in the API."""

from rest_framework import serializers

from books.models import Book


class BookSerializer(serializers.ModelSerializer):
    """The tutorial's serializer, with the author's name beside the key."""

    author_name = serializers.CharField(source="author.name", read_only=True)

    class Meta:
        model = Book
        fields = [
            "id",
            "title",
            "author",
            "author_name",
            "publication_date",
            "isbn",
            "summary",
            "genre",
            "price",
            "stock",
        ]
