"""The form to write a review."""

from django import forms

from reviews.models import Review


class ReviewForm(forms.ModelForm):
    """Rating and text."""

    class Meta:
        model = Review
        fields = ["rating", "text"]
