"""ISBN-13 in its two forms: as printed (with hyphens) and as a key (thirteen digits)."""


def check_digit(twelve: str) -> str:
    """The thirteenth digit: it makes the sum, with weights 1 and 3 in turn, a multiple of ten."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return str(-total % 10)


def digits(printed: str) -> str:
    """The key of a printed ISBN: only its digits, at most thirteen."""
    return "".join(char for char in printed if char in "0123456789")[:13]


def printed(key: str) -> str:
    """Thirteen digits with hyphens, in the only grouping that the seed data uses."""
    return "-".join((key[:3], key[3], key[4:8], key[8:12], key[12:]))
