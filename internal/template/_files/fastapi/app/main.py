"""The API: notes, kept in memory."""

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field


class NewNote(BaseModel):
    text: str = Field(min_length=1, max_length=10_000)


class Note(NewNote):
    id: int


def create_app() -> FastAPI:
    """Makes the app, with no notes yet."""
    app = FastAPI(title="Notes")
    notes: list[Note] = []

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/notes")
    def all_notes() -> list[Note]:
        return notes

    @app.post("/notes", status_code=201)
    def add_note(new: NewNote) -> Note:
        note = Note(id=len(notes) + 1, text=new.text)
        notes.append(note)
        return note

    @app.get("/notes/{note_id}")
    def one_note(note_id: int) -> Note:
        for note in notes:
            if note.id == note_id:
                return note
        raise HTTPException(status_code=404, detail="no such note")

    return app


app = create_app()
