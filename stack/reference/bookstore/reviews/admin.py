"""Reviews in the administration."""

from django.contrib import admin

from reviews.models import Review


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    """Reviews, without drop-down lists of all books and users."""

    list_display = ["book", "rating", "written_on"]
    list_select_related = ["book"]
    raw_id_fields = ["book", "user"]
