"""The tag for the fault `slow_template`: work that a template should not do."""

from django import template

register = template.Library()
_STEPS = 40


@register.simple_tag
def badge_steps() -> range:
    """Numbers that the template compares pair by pair, for each book."""
    return range(_STEPS)
