"""A page's fenced blocks: files to write, commands to type and what they show."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(?P<language>python|console)(?P<head>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="(?P<name>[^",]+)(?P<more>, continued)?"')


@dataclass(frozen=True)
class Block:
    """A file or a part of one where it has a title; else a session on a console, or Python to run."""

    language: str
    title: str
    continues: bool
    body: str


def blocks(page):
    """Return a page's Python and console blocks, in order."""
    found = []
    for match in _BLOCK.finditer(page.read_text()):
        title = _TITLE.search(match["head"])
        found.append(Block(match["language"], title["name"] if title else "", bool(title and title["more"]), match["body"]))
    return found


def write(block, folder):
    path = Path(folder) / block.title
    path.write_text((path.read_text() if block.continues else "") + block.body)


def commands(block):
    """Return each command of a session with the lines that it is said to show."""
    found = []
    for line in block.body.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def shell(command, folder, env):
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, done.stdout, done.stderr


def shows(wanted, shown):
    """Say whether `wanted` stands in `shown`, where `...` stands for anything and runs of blanks are alike."""
    parts = [re.escape(" ".join(part.split())) for part in "\n".join(wanted).split("...")]
    return re.search(".*".join(parts), " ".join(shown.split()), re.DOTALL) is not None
