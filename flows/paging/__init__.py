"""Read a long table page by page, at the same price however long it is: by keys, without COUNT and OFFSET."""
