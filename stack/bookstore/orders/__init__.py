"""Cart, purchase and orders."""
