"""`python -m tests.report.vendor FOLDER`: copy what draws the graph of a report into the package.

`FOLDER/node_modules` is what npm unpacked by the lock file, which holds the digest of each package.
`vendored.json` records of each file whose it is, in which version, and its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "framework/replant/report/vendor"
RECORD = VENDOR / "vendored.json"

#: What is copied of each package. The plugin has the layout of dagre within it.
_FILES = {
    "cytoscape": {"dist/cytoscape.min.js": "cytoscape.js", "LICENSE": "cytoscape.LICENSE"},
    "cytoscape-dagre": {
        "dist/cytoscape-dagre.min.js": "cytoscape-dagre.js",
        "LICENSE": "cytoscape-dagre.LICENSE",
    },
    "@dagrejs/dagre": {"LICENSE": "dagre.LICENSE"},
}


def vendor(folder: Path) -> None:
    """Copy the files, without references to source maps that nobody has, and record them."""
    recorded = []
    for package, files in _FILES.items():
        home = folder / "node_modules" / package
        described = json.loads((home / "package.json").read_text(encoding="utf-8"))
        for source, name in files.items():
            lines = (home / source).read_text(encoding="utf-8").splitlines()
            kept = [line.rstrip() for line in lines if not line.startswith("//# sourceMappingURL")]
            content = ("\n".join(kept).strip() + "\n").encode()
            (VENDOR / name).write_bytes(content)
            recorded.append(
                {
                    "file": name,
                    "package": package,
                    "version": described["version"],
                    "license": described["license"],
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            )
    RECORD.write_text(json.dumps(recorded, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    vendor(Path(sys.argv[1]))
