"""Files are as accessible as the user's umask says, at every moment; nothing widens that."""

import json
import os
import subprocess
import sys

# In a process of its own, for the umask is one of the whole process. It looks at each file when
# that is renamed into place: a temporary file must not be more accessible than what it becomes.
WRITE = """
import hashlib, json, os, sys, threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pandas, torch, matplotlib.pyplot as plt
from naswot.io.download import Source, fetch
from naswot.io.npz import write_arrays
from naswot.io.atomic import replacing
from naswot.io.parquet import write_parquet
from naswot.plots.writing import save
from naswot.training.checkpoint import Checkpoint

modes, widened, elsewhere = {}, [], []


def hook(event, arguments):
    if event == "os.rename":
        modes[f"temporary {Path(arguments[1]).name}"] = os.stat(arguments[0]).st_mode & 0o777
    if event in ("os.chmod", "os.chown"):
        widened.append(str(arguments[0]))
    if event == "open" and isinstance(arguments[0], str) and arguments[2] & os.O_CREAT:
        path = os.path.abspath(arguments[0])
        elsewhere.extend([path] * (not path.startswith((os.getcwd(), "/dev/"))))


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def write(out):
    frame = pandas.DataFrame({"x": [1.0]})
    write_parquet(frame, f"{out}/deep/table.parquet", {})
    write_arrays(f"{out}/arrays.npz", {}, a=frame["x"].to_numpy())
    with replacing(f"{out}/table.csv") as temporary:
        frame.to_csv(temporary)
    figure = plt.figure()
    figure.text(0, 0, "text")
    save(figure, [f"{out}/figure.png", f"{out}/figure.pdf"])
    network = torch.nn.Linear(1, 1)
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    Checkpoint(Path(f"{out}/state.pt"), {}).save({"network": network, "optimiser": optimiser}, {})
    url = f"http://127.0.0.1:{server.server_port}/mirror/copied"
    sha256 = hashlib.sha256(Path("mirror/copied").read_bytes()).hexdigest()
    source = Source(url, "", sha256, None, None, "", "")
    fetch("downloaded", f"{out}/downloaded", {"downloaded": source})
    fetch("copied", f"{out}/copied", {"copied": source}, "mirror")
    unknown = Source(url, "", None, None, None, "", "")
    fetch("recorded", f"{out}/recorded", {"recorded": unknown})


server = HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
write("first")  # libraries make caches of their own when they are first used
sys.addaudithook(hook)
found = {}
for umask in ("077", "022"):
    os.umask(int(umask, 8))
    write(umask)
    for path in Path(umask).rglob("*"):
        modes[path.name] = path.stat().st_mode & 0o777
    found[umask] = dict(modes)
    modes.clear()
server.shutdown()
print(json.dumps([found, widened, elsewhere]))
"""
FILES = [
    *("table.parquet", "arrays.npz", "table.csv", "figure.png", "figure.pdf", "state.pt"),
    *("downloaded", "recorded", "recorded.sha256", "copied"),
]


def test_what_is_written_follows_the_umask_and_lies_beside_its_target(tmp_path, root):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/copied").write_bytes(b"as official as can be")
    (tmp_path / "mirror/copied").chmod(0o666)
    done = subprocess.run(
        [sys.executable, "-c", WRITE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found, widened, elsewhere = json.loads(done.stdout)
    names = [*FILES, *(f"temporary {name}" for name in FILES)]
    for umask, file, folder in (("077", 0o600, 0o700), ("022", 0o644, 0o755)):
        assert found[umask] == {"deep": folder, **dict.fromkeys(names, file)}
    assert widened == []
    assert elsewhere == []  # nowhere that others could have put a file of its name before
