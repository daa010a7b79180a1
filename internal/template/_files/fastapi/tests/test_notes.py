import pytest
from fastapi.testclient import TestClient

from app.main import create_app


@pytest.fixture
def client():
    return TestClient(create_app())


def test_it_is_healthy(client):
    assert client.get("/health").json() == {"status": "ok"}


def test_a_note_is_kept(client):
    made = client.post("/notes", json={"text": "hello"})
    assert made.status_code == 201
    assert made.json() == {"id": 1, "text": "hello"}
    assert client.get("/notes/1").json() == made.json()
    assert client.get("/notes").json() == [made.json()]


def test_what_is_wrong_is_refused(client):
    assert client.post("/notes", json={"text": ""}).status_code == 422
    assert client.post("/notes", json={}).status_code == 422
    assert client.get("/notes/99").status_code == 404
