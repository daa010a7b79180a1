#!/usr/bin/python3
"""Makes a project, sends a message and prints the answer as it is written. Goes on after a cut where it was.

The connection is a WebSocket (Debian: python3-websockets) or, with --sse, a plain HTTP response that doesn't end, for
which the standard library is enough.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

CREATE_PROJECT = """
mutation CreateProject($input: CreateProjectInput!) {
  createProject(input: $input) { project { id headCursor } }
}"""
SEND_MESSAGE = """
mutation SendMessage($input: SendMessageInput!) {
  sendMessage(input: $input) { run { id } }
}"""
WATCH = """
subscription Watch($projectId: ID!, $after: Cursor) {
  projectEvents(projectId: $projectId, after: $after) {
    __typename
    cursor
    ... on MessageDelta { text }
    ... on MessageCompleted { message { role } }
    ... on ToolCallStarted { toolCall { name } }
    ... on FileChanged { path }
    ... on RunStateChanged { run { id } state }
  }
}"""
FINAL = {"SUCCEEDED", "FAILED", "CANCELLED"}


class Refused(Exception):
    """The server understood and said no: trying again won't help."""


def say(text):
    print(f"[{text}]", file=sys.stderr, flush=True)


def show(text):
    """Prints what is for the reader; whoever has stopped reading ends the program, and is no cut."""
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def request(url, key, query, variables, accept):
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Content-Type": "application/json", "Accept": accept, "Authorization": f"Bearer {key}"}
    # The server sends a heartbeat every 12 s; a longer silence is a dead connection.
    return urllib.request.urlopen(urllib.request.Request(f"{url}/graphql", body, headers), timeout=30)


def data_of(result):
    if result.get("errors") or not result.get("data"):
        raise Refused(result.get("errors"))
    return result["data"]


def call(url, key, query, variables):
    with request(url, key, query, variables, "application/json") as response:
        return data_of(json.load(response))


class Watch:
    """One subscription: what to ask for next, and what to print."""

    def __init__(self, project, run):
        self.run = run
        self.variables = {"projectId": project["id"], "after": project["headCursor"]}
        self.state = None
        self.cuts_in_a_row = 0

    def take(self, result):
        event = data_of(result)["projectEvents"]
        kind = event["__typename"]
        if kind == "MessageDelta":
            show(event["text"])
        elif kind == "MessageCompleted" and event["message"]["role"] == "ASSISTANT":
            show("\n")
        elif kind == "ToolCallStarted":
            say(f"tool {event['toolCall']['name']}")
        elif kind == "FileChanged":
            say(f"wrote {event['path']}")
        elif kind == "RunStateChanged" and event["run"]["id"] == self.run["id"]:
            say(f"run {event['state'].lower()}")
            if event["state"] in FINAL:
                self.state = event["state"]
        # What is printed is never asked for again.
        self.variables["after"] = event["cursor"]
        self.cuts_in_a_row = 0

    def wait(self, reason):
        """How long to wait before the next try: longer each time, 10 s at most."""
        say(f"the connection is closed: {reason}")
        self.cuts_in_a_row += 1
        return min(10, 0.25 * 2**self.cuts_in_a_row) * random.uniform(0.5, 1)


async def watch_socket(url, key, watch):
    import websockets

    while watch.state is None:
        try:
            await subscribe(websockets, url, key, watch)
            reason = "the server ended the stream"
        except websockets.ConnectionClosed as error:
            if error.code in (4400, 4401, 4403, 4409, 4429):
                raise Refused(f"{error.code} {error.reason}") from error
            reason = error
        except (OSError, asyncio.TimeoutError, websockets.InvalidHandshake, websockets.InvalidMessage) as error:
            reason = error
        if watch.state is None:
            await asyncio.sleep(watch.wait(reason))


async def subscribe(websockets, url, key, watch):
    address = "ws" + url.removeprefix("http") + "/graphql"
    async with websockets.connect(address, subprotocols=["graphql-transport-ws"], max_size=None) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}}))
        payload = {"query": WATCH, "variables": watch.variables}
        async for frame in socket:
            message = json.loads(frame)
            if message["type"] == "connection_ack":
                await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            elif message["type"] == "ping":
                await socket.send(json.dumps({"type": "pong"}))
            elif message["type"] == "next":
                watch.take(message["payload"])
                if watch.state is not None:
                    return
            elif message["type"] == "error":
                raise Refused(message["payload"])
            elif message["type"] == "complete":
                return


def watch_sse(url, key, watch):
    while watch.state is None:
        try:
            with request(url, key, WATCH, watch.variables, "text/event-stream") as response:
                read_events(response, watch)
            reason = "the server ended the stream"
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise
            reason = error
        except (OSError, ValueError) as error:
            reason = error
        if watch.state is None:
            time.sleep(watch.wait(reason))


def read_events(response, watch):
    name, data = "", []
    for raw in response:
        if not raw.endswith(b"\n"):
            return  # cut in the middle of a line
        line = raw.decode().rstrip("\r\n")
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data.append(value.removeprefix(" "))
        elif line == "":  # an event is whole; a line that begins with a colon is a heartbeat
            if name == "next":
                watch.take(json.loads("\n".join(data)))
            if name == "complete" or watch.state is not None:
                return
            name, data = "", []


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("text", nargs="?", default="Build a to-do list page")
    arguments.add_argument("--url", default=os.environ.get("ZEBLIT_URL", "http://127.0.0.1:8080"))
    arguments.add_argument("--sse", action="store_true", help="server-sent events instead of a WebSocket")
    given = arguments.parse_args()
    key = os.environ.get("ZEBLIT_API_KEY")
    if not key:
        sys.exit("Set ZEBLIT_API_KEY; the owner's is in .zeblit/owner.json.")

    try:
        made = {"name": given.text[:120], "idempotencyKey": str(uuid.uuid4())}
        project = call(given.url, key, CREATE_PROJECT, {"input": made})["createProject"]["project"]
        say(f"project {project['id']}")
        message = {"projectId": project["id"], "text": given.text, "idempotencyKey": str(uuid.uuid4())}
        run = call(given.url, key, SEND_MESSAGE, {"input": message})["sendMessage"]["run"]
        watch = Watch(project, run)
        if given.sse:
            watch_sse(given.url, key, watch)
        else:
            asyncio.run(watch_socket(given.url, key, watch))
    except urllib.error.HTTPError as error:
        sys.exit(f"refused with {error.code}: {error.read().decode()}")
    except (Refused, OSError) as error:
        sys.exit(f"that did not work: {error}")
    sys.exit(0 if watch.state == "SUCCEEDED" else 1)


if __name__ == "__main__":
    main()
