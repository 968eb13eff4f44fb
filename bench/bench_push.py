"""`make push` that has nothing to send and proves everything, against `dvc push` that has nothing
to send either, and proves nothing.

    python -m bench.bench_push [--files 10000] [--bytes 1000] [--rounds 5] [--remotes folder s3 ssh]

A project of DVC's with one added folder, in a temporary folder, pushed once; then both sides run in
turns. `s3` is rclone's server, which `requirements-servers.txt` brings; `ssh` is OpenSSH's, run by
whoever runs this. Both listen on loopback. Ends with 1 where the proof takes more than twice as
long as the push that proves nothing.
"""

import argparse
import getpass
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Cost, machine, run

REPOSITORY = Path(__file__).parents[1]
MOST = 2.0  # times dvc's time
DVC = [sys.executable, "-m", "dvc"]
REMOTES = ("folder", "s3", "ssh")


def make(folder: Path, count: int, size: int) -> None:
    """A project in the working folder, whose folder of photographs has so many files."""
    generator = random.Random(0)
    photographs = folder / "data" / "source"
    photographs.mkdir(parents=True)
    for number in range(count):
        (photographs / f"{number:06d}.jpg").write_bytes(generator.randbytes(size))
    for command in (
        ["git", "init", "--quiet"],
        [*DVC, "init", "--quiet"],
        [*DVC, "config", "cache.type", "hardlink,copy"],
        [*DVC, "add", "--quiet", "data/source"],
    ):
        subprocess.run(command, cwd=folder, check=True)


def use(project: Path, url: str, settings: dict[str, str]) -> None:
    """Make a remote that of the project."""
    command = [*DVC, "remote", "add", "--quiet", "--force", "--default", "store", url]
    subprocess.run(command, cwd=project, check=True)
    for name, value in settings.items():
        command = [*DVC, "remote", "modify", "--quiet", "store", name, value]
        subprocess.run(command, cwd=project, check=True)


@contextmanager
def served(kind: str, folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A remote of a kind, while the block runs: its url, and DVC's settings for it."""
    store = folder / "store"
    store.mkdir(parents=True)
    if kind == "folder":
        yield str(store), {}
        return
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    if kind == "s3":
        (store / "bucket").mkdir()
        there = ["--addr", f"127.0.0.1:{port}", "--auth-key", "key,secret", "--config", "/dev/null"]
        command = [str(program("rclone")), "serve", "s3", *there, str(store)]
        keys = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}
        remote = ("s3://bucket", keys | {"endpointurl": f"http://127.0.0.1:{port}"})
    else:
        command = [str(program("sshd")), "-D", "-e", "-f", str(sshd_settings(folder, port))]
        url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{store}"
        remote = (url, {"keyfile": str(folder / "key"), "allow_agent": "false"})
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(port)
        yield remote
    finally:
        server.kill()
        server.wait()


def sshd_settings(folder: Path, port: int) -> Path:
    """Keys and a configuration for OpenSSH's server."""
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    path = folder / "config"
    path.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/key.pub\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nSubsystem sftp internal-sftp\nPermitRootLogin yes\n"
    )
    return path


def program(name: str) -> Path:
    """A server's program."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin"
    found = shutil.which(name, path=path)
    if not found:
        sys.exit(f"{name} is not installed; `--remotes folder` goes without it")
    return Path(found)


def wait_for(port: int) -> None:
    """Until a server listens; at most 10 s."""
    for _ in range(200):
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"no server on port {port}")


def measured(project: Path, rounds: int) -> dict[str, list[Cost]]:
    """Push all, then let both sides find nothing to do, in turns."""
    push: Sequence[str | Path] = [sys.executable, "-m", "stages.tools.push"]
    sides: dict[str, Sequence[str | Path]] = {"make push": push, "dvc push": [*DVC, "push"]}
    variables = {"PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "ignore"}
    costs: dict[str, list[Cost]] = {name: [] for name in sides}
    run(push, variables=variables, folder=project)
    run(sides["dvc push"], variables=variables, folder=project)  # DVC notes what is there
    for _ in range(rounds):
        for name, command in sides.items():
            cost, printed = run(command, variables=variables, folder=project)
            assert "proven on" in printed or "up to date" in printed, printed
            costs[name].append(cost)
    return costs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=1000, help="of a file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--remotes", nargs="+", default=REMOTES, choices=REMOTES)
    arguments = parser.parse_args()
    print(machine())
    worst = 0.0
    with TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / "site")}
        project = folder / "project"
        make(project, arguments.files, arguments.bytes)
        for kind in arguments.remotes:
            with served(kind, folder / kind) as (url, settings):
                use(project, url, settings)
                costs = measured(project, arguments.rounds)
            medians = {side: statistics.median(c.seconds for c in costs[side]) for side in costs}
            for side, each in costs.items():
                cpu = statistics.median(cost.cpu for cost in each)
                memory = max(cost.memory for cost in each)
                print(f"{kind:6} {side:9} {medians[side]:6.2f} s ({cpu:.2f} CPU) {memory:4.0f} MiB")
            ratio = medians["make push"] / medians["dvc push"]
            print(f"{kind:6} ratio {ratio:.2f}", flush=True)
            worst = max(worst, ratio)
    print(machine())
    print(f"target, at most {MOST} of dvc push: {'met' if worst <= MOST else 'missed'}")
    sys.exit(0 if worst <= MOST else 1)


if __name__ == "__main__":
    main()
