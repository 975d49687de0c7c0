"""Steps after a large result that each get all of it, as a copy of their own."""

from bench.ours.large import serve

if __name__ == "__main__":
    serve(touched=True)
