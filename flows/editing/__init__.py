"""Edit the text of a flow: plain Python that leaves what it does not mean to change exactly as it was written."""
