"""What does the plugin `cluster` add to LazyCelery?"""
