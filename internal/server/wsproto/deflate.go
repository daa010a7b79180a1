package wsproto

import (
	"bytes"
	"compress/flate"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// permessage-deflate (RFC 7692), without context takeover: a socket keeps no window.

// deflateFrom is the size of a message, in bytes, from which it is compressed: smaller
// ones hardly shrink.
const deflateFrom = 256

const (
	deflateExtension = "permessage-deflate"
	extensionsHeader = "Sec-Websocket-Extensions"
	compressed       = 0x40 // RSV1 of a message's first frame
)

// negotiate finds out whether the sockets of r are to be compressed, and leaves the
// upgrader nothing to decide.
func negotiate(r *http.Request, wanted bool) bool {
	offered := wanted && offersDeflate(r.Header.Values(extensionsHeader))
	if offered {
		r.Header.Set(extensionsHeader, deflateExtension)
	} else {
		r.Header.Del(extensionsHeader)
	}
	return offered
}

// offersDeflate reports whether one of a client's offers can be taken: it must not
// ask for a smaller window than the 32 KiB that are used (RFC 7692, section 7.1.2.1).
func offersDeflate(headers []string) bool {
	for _, header := range headers {
		for offer := range strings.SplitSeq(header, ",") {
			parts := strings.Split(offer, ";")
			if strings.TrimSpace(parts[0]) != deflateExtension {
				continue
			}
			fits := true
			for _, parameter := range parts[1:] {
				name, value, _ := strings.Cut(parameter, "=")
				switch strings.TrimSpace(name) {
				case "server_max_window_bits":
					fits = fits && strings.Trim(value, ` "`) == "15"
				case "client_max_window_bits", "server_no_context_takeover", "client_no_context_takeover":
				default:
					fits = false
				}
			}
			if fits {
				return true
			}
		}
	}
	return false
}

// deflater compresses one message at a time. It is large, and shared by all sockets.
type deflater struct {
	writer *flate.Writer
	out    bytes.Buffer
}

var deflaters = sync.Pool{New: func() any {
	d := &deflater{}
	d.writer, _ = flate.NewWriter(&d.out, flate.BestSpeed) // the level is a good one
	return d
}}

// appendDeflated appends m as one frame, compressed where that pays.
func appendDeflated(buf []byte, m *message) []byte {
	if m.opcode != websocket.TextMessage || len(m.head)+len(m.payload) < deflateFrom {
		return appendFrame(buf, m)
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.out.Reset()
	d.writer.Reset(&d.out)
	// Writing into memory doesn't fail.
	_, _ = d.writer.Write(m.head)
	if m.payload != nil {
		_, _ = d.writer.Write(m.payload)
		_, _ = d.writer.Write([]byte{'}'})
	}
	_ = d.writer.Flush()
	body := bytes.TrimSuffix(d.out.Bytes(), []byte{0, 0, 0xff, 0xff}) // section 7.2.1
	buf = appendFrameHeader(buf, compressed|m.opcode, len(body))
	return append(buf, body...)
}
