package wsproto

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/server/gqlreq"
	"github.com/zeblit/zeblit/internal/server/outbox"
)

// Close codes. Those of the protocol first, then ours.
const (
	CodeInvalidMessage  = 4400
	CodeUnauthorized    = 4401 // a subscribe before connection_init
	CodeForbidden       = 4403 // bad, expired or revoked credentials
	CodeBadSubprotocol  = 4406
	CodeInitTimeout     = 4408
	CodeSubscriberExist = 4409
	CodeTooManyInits    = 4429
	CodeSlowConsumer    = 4508
	CodeTryAgain        = 4510 // internal, worth a retry
)

// ending is how a socket ends.
type ending struct {
	code   int
	reason string
	// discard drops what waits to be written: it is too much, or not for this
	// client any more.
	discard bool
	// silent sends no close frame: there is nobody to read it.
	silent bool
}

var (
	gone      = ending{discard: true, silent: true}
	goingAway = ending{code: websocket.CloseServiceRestart, reason: "The server is going away: resume elsewhere"}
	tooSlow   = ending{code: CodeSlowConsumer, reason: "Slow consumer: resume from your cursor", discard: true}
	forbidden = ending{code: CodeForbidden, reason: "Forbidden", discard: true}
	tooMany   = ending{code: CodeTryAgain, reason: "Too many open connections: try again later", discard: true}
	unread    = ending{code: CodeTryAgain, reason: "An event could not be read: resume from your cursor"}
	tryAgain  = ending{code: CodeTryAgain, reason: "Try again later", discard: true}
)

func invalid(reason string) ending {
	return ending{code: CodeInvalidMessage, reason: "Invalid message: " + reason}
}

// message is one frame that waits to be written. With a payload the frame is
// head, payload, "}": the payload may be shared and is never written to.
type message struct {
	op      *operation // nil when it is the socket's own
	opcode  byte
	head    []byte
	payload []byte
}

// Cost implements outbox.Message.
func (m message) Cost() int { return len(m.head) + len(m.payload) + outbox.Overhead }

// Refused implements outbox.Message: the operation is over.
func (m message) Refused() bool { return m.op != nil && (m.op.stopped || m.op.finished) }

// Withdrawn implements outbox.Message: the client has completed the operation.
func (m message) Withdrawn() bool { return m.op != nil && m.op.stopped }

// maxID is the longest operation id, in characters.
const maxID = 128

// request is a client's message, validated.
type request struct {
	kind    string
	id      string             // of subscribe and complete
	payload json.RawMessage    // of ping: an object, null, or nothing
	auth    string             // of connection_init
	params  *graphql.RawParams // of subscribe
	refused *problem.Error     // of a subscribe that is well-formed but too much
}

// parse reads a client's message. Names are matched exactly; members that the
// protocol doesn't know are ignored, as the reference implementation does. The
// error is the reason of the close.
func parse(raw []byte) (request, error) {
	members, ok := gqlreq.Members(raw)
	if !ok {
		return request{}, errors.New("not a JSON object")
	}
	r := request{payload: members["payload"]}
	if json.Unmarshal(members["type"], &r.kind) != nil || r.kind == "" {
		return request{}, errors.New("no type")
	}
	for name, value := range members {
		if name == "payload" && r.kind == "subscribe" {
			continue // is read below
		}
		if gqlreq.Measure(value) != nil {
			return r, errors.New("too complex")
		}
		if !json.Valid(value) {
			return r, errors.New("not a JSON object")
		}
	}
	switch r.kind {
	case "connection_init":
		return r, r.parseInit()
	case "ping", "pong":
		return r, checkObject(r.payload)
	case "complete":
		return r, r.parseID(members["id"])
	case "subscribe":
		if err := r.parseID(members["id"]); err != nil {
			return r, err
		}
		params, bad := gqlreq.Decode(r.payload)
		switch {
		case bad != nil && bad.Code == problem.QueryTooComplex:
			r.refused = bad
		case bad != nil:
			return r, errors.New("payload: " + bad.Message)
		}
		r.params = params
		return r, nil
	default:
		return r, errors.New("unexpected type")
	}
}

func (r *request) parseID(raw json.RawMessage) error {
	var id *string
	if json.Unmarshal(raw, &id) != nil || id == nil || *id == "" {
		return errors.New("the id must be a string that is not empty")
	}
	if utf8.RuneCountInString(*id) > maxID {
		return errors.New("the id is longer than 128 characters")
	}
	r.id = *id
	return nil
}

// parseInit takes the credentials. Some clients can only send lower-case names.
func (r *request) parseInit() error {
	if err := checkObject(r.payload); err != nil {
		return err
	}
	var payload map[string]json.RawMessage
	if len(r.payload) > 0 && json.Unmarshal(r.payload, &payload) != nil {
		return errors.New("payload must be an object")
	}
	for _, name := range []string{"Authorization", "authorization"} {
		raw, present := payload[name]
		if !present {
			continue
		}
		var auth *string
		if json.Unmarshal(raw, &auth) != nil {
			return errors.New("the credentials in Authorization must be a string")
		}
		if auth != nil {
			r.auth = *auth
		}
		return nil
	}
	return nil
}

func checkObject(raw json.RawMessage) error {
	if len(raw) > 0 && raw[0] != '{' && string(raw) != "null" {
		return errors.New("payload must be an object")
	}
	return nil
}

var (
	ack  = message{opcode: websocket.TextMessage, head: []byte(`{"type":"connection_ack"}`)}
	pong = message{opcode: websocket.TextMessage, head: []byte(`{"type":"pong"}`)}
)

// pongFor answers a ping with its own payload.
func pongFor(payload json.RawMessage) message {
	if len(payload) == 0 {
		return pong
	}
	return message{opcode: websocket.TextMessage, head: []byte(`{"type":"pong","payload":`), payload: payload}
}

// opening is the beginning of op's messages of a kind, up to their payload.
func opening(id, kind string) []byte {
	quoted, err := json.Marshal(id)
	if err != nil {
		panic(err) // a string always marshals
	}
	return []byte(`{"id":` + string(quoted) + `,"type":"` + kind + `","payload":`)
}

func errorMessage(id string, list gqlerror.List) message {
	payload, err := json.Marshal(list)
	if err != nil {
		payload = []byte(`[{"message":"Internal error","extensions":{"code":"INTERNAL"}}]`)
	}
	return message{opcode: websocket.TextMessage, head: opening(id, "error"), payload: payload}
}

func completeMessage(id string) message {
	head := opening(id, "complete")
	head = append(head[:len(head)-len(`,"payload":`)], '}')
	return message{opcode: websocket.TextMessage, head: head}
}

// existing is the reason of a 4409. A close reason has room for 123 bytes.
func existing(id string) ending {
	const room = 123 - len("Subscriber for … already exists")
	if len(id) > room {
		cut := room
		for !utf8.RuneStart(id[cut]) {
			cut--
		}
		id = id[:cut] + "…"
	}
	return ending{code: CodeSubscriberExist, reason: "Subscriber for " + id + " already exists"}
}
