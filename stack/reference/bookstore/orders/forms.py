"""The form that adds a book to the cart."""

from django import forms

from orders.cart import MAX_QUANTITY


class AddForm(forms.Form):
    """A book and the number of copies."""

    book = forms.IntegerField(min_value=1, max_value=2**53)
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, required=False)
