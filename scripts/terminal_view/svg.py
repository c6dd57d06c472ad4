"""Makes an SVG of a terminal's screen as `tmux capture-pane -p -e` prints it: stdin to stdout, the title is the argument."""

import re
import sys
import unicodedata
from html import escape

COLUMNS, ROWS = 80, 24
CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 18, 12
BACKGROUND, FOREGROUND, FAINT = "#1c1f26", "#d7dae0", "#8b93a1"
# The sixteen colours, dark and bright, of a terminal with a dark background.
COLOURS = ["#3b4048", "#f2777a", "#99cc99", "#ffcc66", "#7aa6f2", "#d392d3", "#66cccc", "#d7dae0"]
FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
SEQUENCE = re.compile(r"\x1b\[([0-9;]*)m|\x1b[()].|[\x0e\x0f]")


class Look:
    """How the cells after a colour sequence look."""

    def __init__(self):
        self.colour, self.bold, self.faint, self.reversed = None, False, False, False

    def obey(self, parameters):
        for number in (int(word or 0) for word in parameters.split(";")):
            if number == 0:
                self.__init__()
            elif number == 1:
                self.bold = True
            elif number == 2:
                self.faint = True
            elif number == 7:
                self.reversed = True
            elif number == 22:
                self.bold = self.faint = False
            elif number == 27:
                self.reversed = False
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self.colour = COLOURS[number % 10]
            elif number == 39:
                self.colour = None
            elif number != 49:
                sys.exit(f"an attribute that is none of the sixteen colours: {number}")

    def fill(self):
        if self.reversed:
            return BACKGROUND
        return self.colour or (FAINT if self.faint else FOREGROUND)


def pieces(line):
    """The texts of a line with their first column and their look."""
    look, column, end = LOOK, 0, 0
    for sequence in list(SEQUENCE.finditer(line)) + [None]:
        text = line[end : sequence.start() if sequence else None]
        # Blanks apart, so that the rest stays on its columns whatever font there is.
        for word in re.finditer(r"\S+" if not look.reversed else r".+", text):
            yield column + word.start(), word.group(), look
        column += len(text)
        if sequence:
            end = sequence.end()
            if sequence.group(1) is not None:
                look.obey(sequence.group(1))


LOOK = Look()


def main():
    title = escape(sys.argv[1])
    width = COLUMNS * CELL_WIDTH + 2 * MARGIN
    height = ROWS * CELL_HEIGHT + 2 * MARGIN
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" font-family="{FONTS}" '
        f'font-size="14" xml:space="preserve"><title>{title}</title>'
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
    )
    for row, line in enumerate(sys.stdin.read().split("\n")[:ROWS]):
        for column, text, look in pieces(line):
            if any(unicodedata.east_asian_width(letter) == "W" for letter in text):
                sys.exit("a letter of two columns, which this script does not place")
            x, top = MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT
            length = len(text) * CELL_WIDTH
            if look.reversed:
                print(f'<rect x="{x:.1f}" y="{top}" width="{length:.1f}" height="{CELL_HEIGHT}" fill="{FOREGROUND}"/>')
            weight = ' font-weight="bold"' if look.bold else ""
            print(
                f'<text x="{x:.1f}" y="{top + 14}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs" '
                f'fill="{look.fill()}"{weight}>{escape(text)}</text>'
            )
    print("</svg>")


main()
