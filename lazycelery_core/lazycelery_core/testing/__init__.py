"""What does a plugin author test with?"""
