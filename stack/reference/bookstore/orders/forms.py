"""What the cart accepts."""

from django import forms

from orders.cart import MAX_QUANTITY


class AddForm(forms.Form):
    """A book and how many of it."""

    book = forms.IntegerField(min_value=1, max_value=2**53)
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, required=False)
