"""`python -m tests.pictures` draws the pictures that the documentation shows."""

from pathlib import Path

from flows.engine import Registry, check
from flows.picture import picture_of, to_svg_file

ROOT = Path(__file__).resolve().parent.parent
SHOWN = {
    ROOT / "docs" / "images" / "picture-penguins.svg": ROOT / "samples" / "penguins.json",
    ROOT / "docs" / "images" / "picture-when.svg": ROOT / "docs" / "samples" / "when.json",
}


def drawn(sample: Path) -> str:
    text = sample.read_text(encoding="utf-8")
    report = check(text, Registry(["procedures"]))
    return to_svg_file(picture_of(text, report.findings, report.hints), sample.stem)


if __name__ == "__main__":
    for picture, sample in SHOWN.items():
        picture.write_text(drawn(sample), encoding="utf-8")
