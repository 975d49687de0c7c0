"""Steps after a large result that read one small key of it."""

from bench.ours.large import serve

if __name__ == "__main__":
    serve(touched=False)
