"""What does the plugin `demo` add to LazyCelery?"""
