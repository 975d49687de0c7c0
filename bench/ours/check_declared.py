"""Our checker on the stored text: procedures with declared types, whose references are proved."""

from bench.contest import serve
from bench.ours.check import prepare

if __name__ == "__main__":
    serve(lambda steps: prepare(steps, "declared_echo"))
