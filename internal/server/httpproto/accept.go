package httpproto

import (
	"mime"
	"strconv"
	"strings"
)

const (
	mediaResponse = "application/graphql-response+json"
	mediaJSON     = "application/json"
)

// weight is how much one of our media types is wanted.
type weight struct {
	specificity int // 0 unmentioned, 1 */*, 2 application/*, 3 by name
	q           float64
	position    int
}

// negotiate chooses the media type of the answer from the Accept headers. For
// each of ours the most specific range counts. The higher q wins; among equals
// the one that is named, then the one named first. A client that names neither
// gets application/json.
func negotiate(headers []string) (string, bool) {
	header := strings.Join(headers, ",")
	if strings.TrimSpace(header) == "" {
		return mediaJSON, true
	}
	var response, plain weight
	for position, item := range strings.Split(header, ",") {
		media, parameters, err := mime.ParseMediaType(item)
		if err != nil || !charsetUTF8(parameters) {
			continue
		}
		q, ok := quality(parameters)
		if !ok {
			continue
		}
		switch media {
		case "*/*":
			response.note(1, q, position)
			plain.note(1, q, position)
		case "application/*":
			response.note(2, q, position)
			plain.note(2, q, position)
		case mediaResponse:
			response.note(3, q, position)
		case mediaJSON:
			plain.note(3, q, position)
		}
	}
	switch {
	case response.q == 0 && plain.q == 0:
		return "", false
	case response.better(plain):
		return mediaResponse, true
	default:
		return mediaJSON, true
	}
}

func (w *weight) note(specificity int, q float64, position int) {
	if specificity > w.specificity || specificity == w.specificity && q > w.q {
		*w = weight{specificity, q, position}
	}
}

func (w weight) better(other weight) bool {
	if w.q != other.q {
		return w.q > other.q
	}
	if w.specificity != other.specificity {
		return w.specificity > other.specificity
	}
	return w.position < other.position
}

func quality(parameters map[string]string) (float64, bool) {
	text, given := parameters["q"]
	if !given {
		return 1, true
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q >= 0 && q <= 1
}

func charsetUTF8(parameters map[string]string) bool {
	charset, given := parameters["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}
