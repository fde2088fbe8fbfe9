"""What is on the screen? Thin widgets over pure drawings; Textual is known here, in `screens` and in `app` only."""
