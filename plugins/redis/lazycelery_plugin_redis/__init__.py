"""What does the plugin `redis` add to LazyCelery?"""
