"""Write all generated parts of the documentation anew: `python -m cli.reference`."""

from cli.reference.pages import PAGES, current

if __name__ == "__main__":
    for path in PAGES:
        path.write_text(current(path.read_text(encoding="utf-8")), encoding="utf-8")
