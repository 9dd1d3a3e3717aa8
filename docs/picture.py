#!/usr/bin/env python3
"""Draws `docs/send_receive.svg`, the picture in the README, from a real run of `send_receive`.

    python3 docs/picture.py

The example synchronizes its sample mailbox in a pseudo-terminal. The script records each screen and
writes the screens as one animated SVG. It needs Cargo, a Unix system, and only Python's standard
library. The rates and times in the picture are those of the run, so each run draws a new picture.
"""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
import unicodedata
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "send_receive.svg"
ARGUMENTS = ["mailbox", "local", "--slow"]
COMMAND = "$ cargo run -p send_receive -- " + " ".join(ARGUMENTS)

COLUMNS, ROWS = 70, 24
CELL, LINE, MARGIN, TITLE = 8.4, 19, 18, 30  # pixels: a character, a line, and the window around them
STILL = 0.04  # seconds without output after which a screen is complete
HOLD = 6.0  # seconds for which the last screen stays

STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d7dde4 }
.window { fill: #1c2128; stroke: #8c959f }
.prompt { fill: #7ee787; font-weight: 600 }
.full { fill: #58a6ff }
.empty { fill: #39424e }
.past { visibility: hidden }
@media (prefers-color-scheme: dark) { .window { stroke: #545d68 } }
@media (prefers-reduced-motion: reduce) { g { animation: none !important } }
"""


# A bar, a run of ideographs, or words with single spaces. Each is placed on its own, so that a font
# whose characters have another width moves none of the others.
PART = re.compile("[█░]+|[\u2E80-\uFFEF]+|[^█░ \u2E80-\uFFEF]+(?: [^█░ \u2E80-\uFFEF]+)*")


class Screen:
    """A terminal that knows the control sequences which the example's progress bars use."""

    def __init__(self):
        self.rows = [[" "] * COLUMNS for _ in range(ROWS)]
        self.row = self.column = 0

    def feed(self, output):
        for sequence, count, final, character in re.findall(r"(\x1b\[\??(\d*)([A-Za-z]))|([^\x1b])", output):
            if sequence:
                self.control(int(count or 1), final)
            else:
                self.put(character)

    def control(self, count, final):
        if final == "A":
            self.row = max(self.row - count, 0)
        elif final == "B":
            self.row = min(self.row + count, ROWS - 1)
        elif final == "K":
            self.rows[self.row] = [" "] * COLUMNS
        elif final not in "mhl":  # colors and the cursor's visibility are not drawn
            sys.exit(f"the terminal sequence …{final} is not known to this script")

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.row += 1
        else:
            width = cells(character)
            if self.column + width > COLUMNS:  # a full line wraps when the next character comes
                self.row, self.column = self.row + 1, 0
            if width:
                self.rows[self.row][self.column : self.column + width] = [character] + [""] * (width - 1)
            self.column += width

    def lines(self):
        return tuple("".join(row).rstrip() for row in self.rows)


def cells(string):
    """Returns the number of columns that a string takes."""
    widths = {"W": 2, "F": 2}
    return sum(0 if unicodedata.combining(c) else widths.get(unicodedata.east_asian_width(c), 1) for c in string)


def record():
    """Runs the example, and returns its screens with their times in seconds."""
    cargo = ["cargo", "run", "--quiet", "--manifest-path", str(ROOT / "Cargo.toml"), "-p", "send_receive", "--"]
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "examples" / "maildir_store" / "mailbox", Path(folder) / "mailbox")
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(folder)
            os.environ["TERM"] = "xterm"
            os.execvp(cargo[0], cargo + ARGUMENTS)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        decoder = codecs.getincrementaldecoder("utf-8")()
        screen, screens = Screen(), []
        blank = screen.lines()
        while True:
            if not select.select([terminal], [], [], STILL)[0]:
                if screen.lines() != (screens[-1][1] if screens else blank):
                    screens.append((time.monotonic(), screen.lines()))
                continue
            try:
                output = os.read(terminal, 65536)
            except OSError:  # the end of the output on Linux
                break
            if not output:  # the end of the output elsewhere
                break
            screen.feed(decoder.decode(output))
        screens.append((time.monotonic(), screen.lines()))
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            sys.exit("send_receive failed:\n" + "\n".join(screen.lines()))
    return [(moment - screens[0][0], lines) for moment, lines in screens]


def draw_line(line, row, style=""):
    """Returns the SVG of one line. Bars become rectangles, so that they do not depend on the font."""
    top, parts = MARGIN + TITLE + row * LINE, []
    for match in PART.finditer(line):
        part, x = match[0], MARGIN + cells(line[: match.start()]) * CELL
        if part[0] in "█░":
            for kind, character in ("full", "█"), ("empty", "░"):
                if character in part:
                    left, width = x + part.index(character) * CELL, part.count(character) * CELL
                    parts.append(f'<rect class="{kind}" x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="11"/>')
        else:
            length = cells(part) * CELL
            parts.append(f'<text{style} x="{x:.1f}" y="{top + 13}" textLength="{length:.1f}">{escape(part)}</text>')
    return "".join(parts)


def spans(screens):
    """Yields each line with its row and the screens, from `first` to before `end`, that show it."""
    for row in range(ROWS):
        first = 0
        for n in range(1, len(screens) + 1):
            line = screens[first][1][row]
            if n == len(screens) or screens[n][1][row] != line:
                if line:
                    yield line, row + 1, first, n
                first = n


def draw(screens):
    """Returns the SVG. The last screen is also the picture of a viewer without animations."""
    length = screens[-1][0] + HOLD
    percent = lambda n: f"{screens[n][0] / length * 100:.2f}%"
    keyframes, body = [], [draw_line(COMMAND, 0, ' class="prompt"')]
    for n, (line, row, first, end) in enumerate(spans(screens)):
        is_last = end == len(screens)
        steps = [] if first == 0 else ["0% { visibility: hidden }"]
        steps.append(f"{'0%' if first == 0 else percent(first)} {{ visibility: visible }}")
        steps.append("100% { visibility: visible }" if is_last else f"{percent(end)}, 100% {{ visibility: hidden }}")
        keyframes.append(f"@keyframes k{n} {{ {' '.join(steps)} }}")
        past = "" if is_last else ' class="past"'
        animation = f"animation: k{n} {length:.1f}s step-end infinite"
        body.append(f'<g{past} style="{animation}">{draw_line(line, row)}</g>')
    used = 1 + max(row for row, line in enumerate(screens[-1][1], 1) if line)
    width, height = COLUMNS * CELL + 2 * MARGIN, TITLE + used * LINE + 2 * MARGIN - 4
    buttons = [
        f'<circle cx="{MARGIN + 6 + n * 20}" cy="21" r="6" fill="{color}"/>'
        for n, color in enumerate(["#ff5f57", "#febc2e", "#28c840"])
    ]
    last = "; ".join(line for line in screens[-1][1] if line)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" role="img">',
            "<!-- Made by docs/picture.py. -->",
            f"<title>The example send_receive in a terminal</title><desc>{escape(last)}</desc>",
            "<style>" + STYLE + "\n".join(keyframes) + "\n</style>",
            f'<rect class="window" x="0.5" y="0.5" width="{width - 1:.1f}" height="{height - 1}" rx="10"/>',
            *buttons,
            *body,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(record()), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes")
