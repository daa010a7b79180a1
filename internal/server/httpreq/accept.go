package httpreq

import (
	"mime"
	"strconv"
	"strings"
)

// The media types that the endpoint answers with.
const (
	MediaResponse = "application/graphql-response+json"
	MediaJSON     = "application/json"
	MediaEvents   = "text/event-stream"
)

// weight is how much an offered media type is wanted.
type weight struct {
	specificity int // 0 unmentioned, 1 */*, 2 type/*, 3 by name
	q           float64
	position    int
}

// Negotiate chooses one of the offers by the Accept headers. For each the most
// specific range counts. The higher q wins; among equals the one that is named,
// then the one named first, then the one offered first. A client that says nothing
// gets the first offer.
func Negotiate(headers []string, offers ...string) (string, bool) {
	header := strings.Join(headers, ",")
	if strings.TrimSpace(header) == "" {
		return offers[0], true
	}
	weights := make([]weight, len(offers))
	for position, item := range strings.Split(header, ",") {
		media, parameters, err := mime.ParseMediaType(item)
		if err != nil || !charsetUTF8(parameters) {
			continue
		}
		q, ok := quality(parameters)
		if !ok {
			continue
		}
		for i, offer := range offers {
			weights[i].note(specificity(media, offer), q, position)
		}
	}
	best := 0
	for i := range offers {
		if weights[i].better(weights[best]) {
			best = i
		}
	}
	return offers[best], weights[best].q > 0
}

// specificity is how exactly a media range means the offer; 0 when it doesn't.
func specificity(media, offer string) int {
	kind, _, _ := strings.Cut(offer, "/")
	switch media {
	case offer:
		return 3
	case kind + "/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

func (w *weight) note(specificity int, q float64, position int) {
	if specificity > 0 && (specificity > w.specificity || specificity == w.specificity && q > w.q) {
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
