"""How long `longshore --help` and its like take, in turn with an interpreter that does nothing."""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.reporting import markdown_table, measured_on

MAX_RATIO = 6.0
ROOT = Path(__file__).parent.parent
NOTHING = ["-c", "pass"]
LONGSHORE = ["-c", "from cli.main import main; main()"]
REQUIRED = ("--help",)
COMMANDS = (*REQUIRED, "--version", "serve --help", "project create --help", "token create --help")


def seconds(arguments: list[str]) -> float:
    """Run the interpreter once, and return how long it took."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def measure(rounds: int) -> dict[str, list[float]]:
    """The times of each command, and of an interpreter that does nothing, which take turns."""
    runs = {"": NOTHING, **{command: [*LONGSHORE, *command.split()] for command in COMMANDS}}
    for arguments in runs.values():  # compiles what is not compiled yet
        seconds(arguments)
    times: dict[str, list[float]] = {command: [] for command in runs}
    for number in range(rounds):
        for command in list(runs)[:: -1 if number % 2 else 1]:
            times[command].append(seconds(runs[command]))
    return times


def main() -> int:
    """Measure and print the results; return 1 when the requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    times = measure(args.rounds)
    nothing = times.pop("")
    rows, met = [["`python -c pass`", f"{median(nothing) * 1000:.0f} ms", "", ""]], True
    for command, taken in times.items():
        ratio = median(one / least for one, least in zip(taken, nothing, strict=True))
        met = met and (command not in REQUIRED or ratio <= MAX_RATIO)
        required = f"≤ {MAX_RATIO:g}" if command in REQUIRED else ""
        milliseconds = f"{median(taken) * 1000:.0f} ms"
        rows.append([f"`longshore {command}`", milliseconds, f"{ratio:.1f}", required])
    print(f"{measured_on()} {args.rounds} rounds.\n")
    print(markdown_table(["command", "time", "of an interpreter that does nothing", "required"], rows))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
