"""Every command that docs/pacs.md and docs/serve.md print, run as it is printed."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pydicom
import pytest

from medcnn.cli import run as command

DOCS = Path(__file__).parents[2] / "docs"
TOOLS = ("curl", "dsr2html", "openssl")


def printed(page):
    lines = (DOCS / page).read_text().splitlines()
    return [line.strip() for line in lines if re.match(r" {4,}[a-z(]", line)]


@pytest.fixture
def place(run, make_image, certificates, tmp_path, monkeypatch):
    """Go to a folder where everything lies under the names that the pages use."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {missing}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "RUN_DIR").symlink_to(run.path)
    (tmp_path / "IMAGES").mkdir()
    for path in (tmp_path / "IMAGE.dcm", tmp_path / "IMAGES" / "IMAGE.dcm"):
        path.write_bytes(make_image(uid="1.2.3.77"))
    shutil.copy(certificates / "valid.pem", tmp_path / "cert.pem")
    shutil.copy(certificates / "key.pem", tmp_path / "key.pem")
    return tmp_path


def shell(line):
    asked = ["bash", "-c", re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", line)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_commands_on_results_in_the_archive(place, archive):
    taker = archive()
    lines = printed("pacs.md")
    assert len(lines) == 4
    for line in lines:
        if line.startswith("medcnn "):
            assert command("predict", shlex.split(line)[2:]) == 0
            continue
        (report,) = (
            path for path in (place / "REPORTS").iterdir() if pydicom.dcmread(path).Modality == "SR"
        )
        shell(line.replace("4242", str(taker.port)).replace("REPORTS/REPORT.dcm", str(report)))
    assert len(taker.taken) >= 2
    assert "Imaging Measurement Report" in (place / "report.html").read_text()


def test_the_commands_on_a_service(place, archive, port_finder):
    taker = archive()
    ports = {"8080": str(port_finder()), "11112": str(port_finder()), "8443": str(port_finder())}
    ports["4242"] = str(taker.port)
    lines = []
    for line in printed("serve.md"):
        for old, new in ports.items():
            line = re.sub(rf"(?<=:){old}\b|(?<= ){old}\b", new, line)
        lines.append(line)
    services = [line for line in lines if line.startswith("medcnn serve")]
    others = [line for line in lines if line not in services]
    assert [len(services), len(others)] == [3, 5]
    secret = [line for line in others if "openssl" in line or "https" in line]
    plain = [line for line in others if line not in secret]
    shell(secret[0])
    services[0] += f" http=127.0.0.1:{port_finder()}"
    for service, clients in zip(services, ([], plain, secret[1:]), strict=True):
        answers = serving(service, clients)
        assert all("p_abnormal" in each for each in answers if each.startswith("{"))
    assert len(taker.wait(1)) == 1


def serving(service, clients):
    """Run a service in this thread and its clients in another, which stops it at the end."""
    port = int(re.findall(r"http=[\d.]+:(\d+)", service)[-1])
    answers, faults = [], []

    def use():
        try:
            for _ in range(600):
                with socket.socket() as plug:
                    plug.settimeout(5)
                    if plug.connect_ex(("127.0.0.1", port)) == 0:
                        break
                threading.Event().wait(0.1)
            answers.extend(shell(line) for line in clients)
        except AssertionError as error:
            faults.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=use, daemon=True)
    before = signal.getsignal(signal.SIGTERM)
    # Until the service listens to the signal, it must not end the tests.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        thread.start()
        assert command("serve", [*shlex.split(service)[2:], "num_workers=1"]) == 0
    finally:
        thread.join(60)
        signal.signal(signal.SIGTERM, before)
    assert not faults, faults[0]
    return answers
