"""What does the plugin `queues` add to LazyCelery?"""
