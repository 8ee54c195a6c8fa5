"""The HTTP door: the row of predict, and a refusal for everything else."""

import contextlib
import socket
import ssl
import threading

import numpy as np
import pytest

import medcnn
from medcnn.serving.settings import Guards, Limits


@pytest.fixture(scope="module")
def image(make_image):
    return make_image(stored=np.random.default_rng(1).integers(0, 4096, (80, 60), np.uint16))


@pytest.fixture(scope="module")
def open_doors(serve):
    with serve() as doors:
        yield doors


def test_the_answer_is_the_row_of_predict(open_doors, asking, run, image, tmp_path):
    (tmp_path / "image.dcm").write_bytes(image)
    given = [f"run={run.path}", f"input={tmp_path / 'image.dcm'}", f"output={tmp_path / 'o.csv'}"]
    table = medcnn.predict(given)
    port = open_doors.http
    found = asking(port, "POST", "/predict", image)
    assert asking(port).row == asking(port, path="/ready").row == {"status": "ok"}
    text = asking(port, path="/metrics").content.decode()
    described = asking(port, path="/openapi.json").row
    page = asking(port, path="/docs").content.decode()
    assert found.status == 200
    assert set(table.columns) <= set(found.row)
    for name in ("p_abnormal", "p_low", "p_high", "threshold"):
        assert found.row[name] == pytest.approx(table[name].iloc[0], abs=1e-4)
    assert found.row["decision"] == table["decision"].iloc[0]
    assert len(found.row["checkpoints"][0]) == 64
    assert 'medcnn_images_total{door="http",outcome="' in text
    assert "MRN1" not in text
    assert set(described["paths"]) >= {"/predict", "/health", "/ready", "/metrics"}
    assert "http" not in page.replace("outcome", "").split("<table>")[0]
    assert not list((open_doors.spool / "passing").iterdir())


def test_bodies_that_are_no_image_are_answered_with_the_reason(open_doors, asking, image):
    rng = np.random.default_rng(0)
    junk = [b"", b"\0" * 200, image[:700], *(rng.bytes(rng.integers(1, 3000)) for _ in range(97))]
    found = [asking(open_doors.http, "POST", "/predict", body) for body in junk]
    assert found[0].status == 400
    assert {each.status for each in found[1:]} == {422}
    assert all(each.row["error"] for each in found[1:])
    assert str(open_doors.spool) not in str([each.content for each in found])
    assert asking(open_doors.http, "POST", "/predict", image).status == 200


def test_a_body_that_is_too_large_is_not_read(serve, asking):
    with serve(limits=Limits(largest=1, num_workers=1)) as doors:
        told = asking(doors.http, "POST", "/predict", b"x", {"Content-Length": str(2**40)})
        assert told.status == 413
        pieces = (bytes(2**16) for _ in range(64))
        # It may be closed while the rest is still being sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            assert asking(doors.http, "POST", "/predict", pieces).status == 413
        assert asking(doors.http).status == 200


def test_a_token_is_needed_where_there_is_one(serve, asking, image, tmp_path):
    token = tmp_path / "token"
    token.write_text("a token of some length".replace(" ", "-"))
    token.chmod(0o600)
    with serve(guards=Guards(token_file=token)) as doors:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer é"}):
            given = {key: value.encode("utf-8") for key, value in headers.items()}
            for method, path in (("POST", "/predict"), ("GET", "/metrics"), ("GET", "/docs")):
                assert asking(doors.http, method, path, None, given).status == 401
        right = {"Authorization": f"Bearer {token.read_text()}"}
        assert asking(doors.http, "POST", "/predict", image, right).status == 200


def test_what_is_encrypted_is_not_answered_in_the_clear(serve, asking, certificates):
    valid, key = certificates / "valid.pem", certificates / "key.pem"
    guards = Guards(tls_certificate=valid, tls_key=key, tls_clients=valid)
    context = ssl.create_default_context(cafile=str(valid))
    with serve(guards=guards) as doors:
        with pytest.raises(OSError, match=r"."):
            asking(doors.http)
        with pytest.raises((ssl.SSLError, OSError), match=r"(?i)certificate|reset|closed|EOF"):
            asking(doors.http, context=context)  # without a certificate of the client
        context.load_cert_chain(valid, key)
        assert asking(doors.http, context=context).status == 200
        expired = ssl.create_default_context(cafile=str(valid))
        expired.load_cert_chain(certificates / "expired.pem", key)
        with pytest.raises((ssl.SSLError, OSError), match=r"(?i)certificate|reset|closed|EOF"):
            asking(doors.http, context=expired)


def test_a_full_queue_answers_503_and_takes_again(serve, asking, image, apparatus, monkeypatch):
    from medcnn.serving.judging import Judging

    go, begun, judge = threading.Event(), threading.Event(), Judging.__call__

    def slow(self, readings):
        begun.set()
        go.wait(60)
        return judge(self, readings)

    monkeypatch.setattr(Judging, "__call__", slow)
    found = []
    with serve(limits=Limits(queue=1, num_workers=1)) as doors:
        first = threading.Thread(
            target=lambda: found.append(asking(doors.http, "POST", "/predict", image).status)
        )
        first.start()
        assert begun.wait(60)
        assert asking(doors.http, "POST", "/predict", image).status == 503
        assert asking(doors.http).status == 200
        go.set()
        first.join()
        assert found == [200]
        assert asking(doors.http, "POST", "/predict", image).status == 200


def test_a_fault_of_the_network_is_told_without_its_text(serve, asking, image, monkeypatch, capfd):
    from medcnn.serving.judging import Judging

    def fail(self, readings):
        raise ArithmeticError("Doe^Jane")

    monkeypatch.setattr(Judging, "__call__", fail)
    with serve() as doors:
        answer = asking(doors.http, "POST", "/predict", image)
    assert answer.status == 500
    said = "".join(capfd.readouterr()) + answer.content.decode()
    assert "ArithmeticError" in said
    assert "Doe" not in said


def test_whoever_leaves_in_the_middle_leaves_nothing(open_doors, asking):
    with socket.create_connection(("127.0.0.1", open_doors.http)) as plug:
        plug.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\nabc")
    for _ in range(200):
        if 'reason="left"' in open_doors.meter.text().decode():
            break
        assert asking(open_doors.http).status == 200
    assert not list((open_doors.spool / "passing").iterdir())
