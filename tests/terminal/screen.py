# SPDX-License-Identifier: Apache-2.0
"""A program on a terminal of its own, and what a person would see there. Knows the sequences that
livectr uses, and fails on any other. Standard library only."""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

SEQUENCE = re.compile("\x1b\\[(\\?[0-9]+[hl]|[0-9;]*m|H|K|J)")
PATIENCE_S = 40


def columns_of(text):
    """How wide a terminal would show it."""
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
               for sign in text)


class Screen:
    """Start it, wait for what it shows, end it; `raw` is everything it wrote."""

    def __init__(self, command, rows, columns, environment):
        self.rows, self.columns = rows, columns
        self.lines, self.at, self.modes = [""] * 300, 0, set()
        self.raw, self.pending, self.code = "", "", None
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.master, self.slave = master, slave
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for file in (0, 1, 2):
                os.dup2(slave, file)
            os.closerange(3, 64)
            os.execve(command[0], command, environment)

    # ---- what comes

    def feed(self, text):
        self.raw += text
        text = self.pending + text
        self.pending = ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = SEQUENCE.match(text, at)
                if not found:
                    if len(text) - at < 12:
                        self.pending = text[at:]
                        return
                    raise AssertionError(f"no sequence of livectr's: {text[at:at + 12]!r}")
                self.obey(found[1])
                at = found.end()
            else:
                self.put(text[at])
                at += 1

    def obey(self, what):
        if what == "H":
            self.at, self.column = 0, 0
            self.line = ""
        elif what == "K":
            self.lines[self.at] = self.line
        elif what == "J":
            self.lines[self.at + 1:] = [""] * (len(self.lines) - self.at - 1)
        elif what[0] == "?":
            (self.modes.add if what[-1] == "h" else self.modes.discard)(what[1:-1])

    line = ""

    def put(self, sign):
        if sign == "\r":
            self.line = ""
        elif sign == "\n":
            self.at += 1  # below the last line only with a page that was made for a larger one
        else:
            assert sign >= " ", f"a control character: {sign!r}"
            self.line += sign

    def read(self, seconds):
        """What comes within so many seconds; False once nobody writes any more."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.feed(self.decoder.decode(data))
        return bool(data)

    # ---- what a person does

    def shown(self):
        return [line.rstrip() for line in self.lines[:self.rows]]

    def until(self, what, true):
        """Reads until true(lines) is; returns what that gave."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = true(self.shown())
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"not seen: {what}; on the screen:\n" + "\n".join(self.shown()))
            self.read(0.2)

    def key(self, text):
        os.write(self.master, text.encode())

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number):
        os.kill(self.pid, number)

    def until_stopped(self):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                return
            self.read(0.05)
        raise AssertionError("it did not stop")

    def until_ended(self):
        """Its exit code; the terminal must be as it was."""
        deadline = time.monotonic() + PATIENCE_S
        while self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                self.close()
                raise AssertionError("it did not end")
            self.read(0.05)
        while select.select([self.master], [], [], 0)[0] and self.read(0):
            pass
        return self.code

    def is_restored(self):
        """The keys as they were, the page of before, a cursor, lines that wrap."""
        return (termios.tcgetattr(self.slave) == self.before and "1049" not in self.modes
                and {"25", "7"} <= self.modes)

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.code = -9
        os.close(self.master)
        os.close(self.slave)
