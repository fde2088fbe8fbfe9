"""What does the plugin `tasks` add to LazyCelery?"""
