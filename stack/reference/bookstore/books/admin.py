"""Books and authors in the administration."""

from django.contrib import admin

from books.models import Author, Book


@admin.register(Author)
class AuthorAdmin(admin.ModelAdmin):
    """Authors, searchable by name."""

    search_fields = ["name"]


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    """Books with their authors in one query."""

    list_display = ["title", "author", "genre", "price", "stock"]
    list_filter = ["genre"]
    list_select_related = ["author"]
    raw_id_fields = ["author"]
    search_fields = ["title", "isbn13"]
