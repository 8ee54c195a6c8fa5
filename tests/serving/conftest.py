"""Services in this process and archives beside them, all on loopback and on free ports."""

import contextlib
import http.client
import importlib.util
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pynetdicom import AE, evt

from medcnn.inference.folder import assembled
from medcnn.pacs.results import judge_of
from medcnn.serving.service import opened
from medcnn.serving.settings import Guards, Limits, Serve

place = Path(__file__).parents[1] / "pacs" / "conftest.py"
spec = importlib.util.spec_from_file_location("pacs_conftest", place)
pacs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pacs)
made_run, make_image = pacs.made_run, pacs.make_image
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@pytest.fixture(scope="session")
def run(made_run):
    return made_run()


@pytest.fixture(scope="session")
def apparatus(run):
    return assembled([run], Serve(run=(str(run.path),)).predict)


@pytest.fixture(scope="session")
def serve(run, apparatus, tmp_path_factory):
    """Return a function that opens a service and yields where its doors are."""

    @contextlib.contextmanager
    def open_it(*, guards=None, limits=None, spool=None, how=apparatus, **options):
        options = {"http": "127.0.0.1:0"} | options
        asked = Serve(
            run=(str(run.path),),
            spool=spool or tmp_path_factory.mktemp("service") / "spool",
            guards=guards or Guards(),
            limits=limits or Limits(num_workers=1),
            **options,
        )

        def judge():
            return judge_of("made", how.panel, how.identity, how.decision)

        with opened(asked, how, judge) as doors:
            doors.spool = asked.spool
            yield doors

    return open_it


class Answer:
    def __init__(self, response):
        self.status, self.content = response.status, response.read()

    @property
    def row(self):
        return json.loads(self.content)


def ask(port, method="GET", path="/health", body=None, headers=None, context=None):
    kind = http.client.HTTPConnection if context is None else http.client.HTTPSConnection
    extra = {} if context is None else {"context": context}
    connection = kind("127.0.0.1", port, timeout=60, **extra)
    try:
        connection.request(method, path, body, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def asking():
    return ask


def free_port():
    """Return a port that is free, below those that the system lends to any connection meanwhile."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as plug, contextlib.suppress(OSError):
            plug.bind(("", port))
            return port
    raise AssertionError("no free port")


@pytest.fixture(scope="session")
def port_finder():
    return free_port


class Archive:
    """A storage SCP that keeps what it takes, and refuses as long as it is told to."""

    def __init__(self, title="ARCHIVE", port=0):
        self.taken, self.refusals, self.changed = [], 0, threading.Condition()
        entity = AE(ae_title=title)
        entity.supported_contexts = [
            context for context in _storage() if context.abstract_syntax is not None
        ]
        self.server = entity.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, self.store)]
        )
        self.port = self.server.server_address[1]

    def store(self, event):
        with self.changed:
            if self.refusals:
                self.refusals -= 1
                return 0xA700
            self.taken.append(event.dataset)
            self.changed.notify_all()
        return 0

    def close(self):
        if self.server is not None:
            self.server.shutdown()
            self.server = None

    def wait(self, count):
        with self.changed:
            done = self.changed.wait_for(lambda: len(self.taken) >= count, timeout=60)
        assert done, f"{len(self.taken)} of {count} arrived"
        return self.taken


def _storage():
    from pynetdicom import StoragePresentationContexts

    return StoragePresentationContexts


@pytest.fixture(scope="module")
def archive():
    made = []

    def start(**options):
        made.append(Archive(**options))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    """Return the ports of a real Orthanc with DICOMweb: HTTP and DICOM."""
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    if not Path(program).exists() or not PLUGIN.exists():
        pytest.skip("Orthanc with its DICOMweb plug-in is not installed")
    folder = tmp_path_factory.mktemp("orthanc")
    web, dicom = free_port(), free_port()
    facts = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": web,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "OverwriteInstances": False,
        "RemoteAccessAllowed": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(facts))
    process = subprocess.Popen(
        [program, folder / "orthanc.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(600):
        with contextlib.suppress(OSError):
            if ask(web, path="/system").status == 200:
                break
        assert process.poll() is None, "Orthanc ended"
        time.sleep(0.1)
    yield web, dicom
    process.terminate()
    process.wait(30)


@pytest.fixture
def storescu(tmp_path):
    """Return a function that pushes files as dcmtk does, and gives what it said."""
    # pynetdicom installs a program of the same name beside Python.
    own = Path(sys.executable).parent
    others = [each for each in os.get_exec_path() if Path(each) != own]
    program = shutil.which("storescu", path=os.pathsep.join(others))
    if program is None:
        pytest.skip("dcmtk is not installed")

    def push(port, *contents, caller="ARCHIVE", called="MEDCNN"):
        paths = []
        for number, content in enumerate(contents):
            paths.append(tmp_path / f"sent{number}.dcm")
            paths[-1].write_bytes(content)
        asked = [program, "-v", "-aet", caller, "-aec", called, "127.0.0.1", str(port), *paths]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr

    return push


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Return a folder with a valid and an expired certificate of localhost, and their key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    key, request = folder / "key.pem", folder / "request.pem"
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(*new, "-keyout", key, "-out", request, "-subj", "/CN=localhost")
    for name, days in (("valid", 2), ("expired", -1)):
        sign = ["x509", "-req", "-in", request, "-signkey", key, "-extfile", folder / "names"]
        _openssl(*sign, "-days", str(days), "-out", folder / f"{name}.pem")
    return folder


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)
