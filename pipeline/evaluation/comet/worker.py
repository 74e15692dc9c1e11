"""Run by the Python of COMET's own environment: JSON lines in; a line about the model out, then a score a line.

Imports nothing of tomdich, and runs on the older Pythons that COMET supports.
"""

import contextlib
import json
import sys

NO_COMET = 64
NO_REFERENCES = 65


def main(checkpoint: str) -> int:
    """Score the lines of stdin with `checkpoint`, those with a reference if it wants one; return the exit code."""
    lines = [json.loads(line) for line in sys.stdin.buffer.read().decode("utf-8").splitlines()]
    with contextlib.redirect_stdout(sys.stderr):  # COMET and its libraries print as they load
        try:
            import comet
            import torch
        except ImportError as error:
            print(error, file=sys.stderr)  # noqa: T201
            return NO_COMET
        model = comet.load_from_checkpoint(checkpoint)
        referenced = bool(model.requires_references())
        if referenced:
            lines = [line for line in lines if line["ref"]]
        if not lines:
            return NO_REFERENCES
        wanted = ("src", "mt", "ref") if referenced else ("src", "mt")
        samples = [{name: line[name] for name in wanted} for line in lines]
        scores = model.predict(samples, batch_size=8, gpus=int(torch.cuda.is_available())).scores
    header = {"version": getattr(comet, "__version__", "unknown"), "references": referenced, "texts": len(lines)}
    for line in (header, *map(float, scores)):
        print(json.dumps(line))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
