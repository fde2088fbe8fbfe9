"""What does the plugin `workers` add to LazyCelery?"""
