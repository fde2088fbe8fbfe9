"""Which screens are there, and what do keys do on them? Small controllers around one state; no god object."""
