import express from "express";

/** Makes the app, with no notes yet. */
export function createApp() {
  const app = express();
  const notes = [];
  app.disable("x-powered-by");
  app.use(express.json({ limit: "100kb" }));

  app.get("/health", (_request, response) => response.json({ status: "ok" }));

  app.get("/notes", (_request, response) => response.json(notes));

  app.post("/notes", (request, response) => {
    const text = request.body?.text;
    if (typeof text !== "string" || text.trim() === "") {
      return response.status(400).json({ error: "text is required" });
    }
    const note = { id: notes.length + 1, text: text.trim() };
    notes.push(note);
    return response.status(201).location(`/notes/${note.id}`).json(note);
  });

  app.get("/notes/:id", (request, response) => {
    const note = notes.find((n) => n.id === Number(request.params.id));
    return note ? response.json(note) : response.status(404).json({ error: "no such note" });
  });

  app.use((_request, response) => response.status(404).json({ error: "not found" }));
  app.use((error, _request, response, _next) => {
    const status = error.status ?? 500;
    if (status >= 500) console.error(error);
    response.status(status).json({ error: status >= 500 ? "internal error" : error.message });
  });
  return app;
}
