"""What may a plugin import from LazyCelery's host?"""
