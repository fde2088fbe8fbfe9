"""Which pytest fixtures does LazyCelery bring?"""
