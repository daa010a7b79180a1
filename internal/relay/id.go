// Package relay is the small generic part of the API's Relay side: global ids,
// keyset pagination and request-scoped batching. It knows no entity.
package relay

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

// An id is a type prefix, "_", then 26 characters of [a-z0-9]: 48 bits of
// milliseconds and 80 random bits in base 32, so ids of one type sort by time.
// Ids made by one process rise strictly, also within a millisecond.
const (
	idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	idLength   = 26
	idRandom   = 10
)

var ids idSource

type idSource struct {
	mu     sync.Mutex
	millis uint64
	random [idRandom]byte
}

// NewID makes an id of the type that prefix ("prj") stands for.
func NewID(prefix string) string {
	var raw [16]byte
	ids.next(&raw)
	out := make([]byte, 0, len(prefix)+1+idLength)
	out = append(out, prefix...)
	out = append(out, '_')
	return string(encode32(out, &raw))
}

func (s *idSource) next(raw *[16]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := uint64(time.Now().UnixMilli()); now > s.millis {
		s.millis = now
		_, _ = rand.Read(s.random[:]) // never fails: crypto/rand ends the program instead
		s.random[0] &= 0x7f           // room to count up within the millisecond
	} else {
		for i := idRandom - 1; i >= 0; i-- {
			s.random[i]++
			if s.random[i] != 0 {
				break
			}
		}
	}
	binary.BigEndian.PutUint64(raw[:8], s.millis<<16)
	copy(raw[6:], s.random[:])
}

// encode32 appends 130 bits: raw behind two zero bits.
func encode32(out []byte, raw *[16]byte) []byte {
	hi, lo := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	for shift := 125; shift >= 0; shift -= 5 {
		var v uint64
		switch {
		case shift >= 64:
			v = hi >> (shift - 64)
		case shift > 59:
			v = hi<<(64-shift) | lo>>shift
		default:
			v = lo >> shift
		}
		out = append(out, idAlphabet[v&31])
	}
	return out
}

// IDPrefix returns the type prefix of a well-formed id, or "" for anything else.
func IDPrefix(id string) string {
	n := len(id) - idLength - 1
	if n < 1 || n > 8 || id[n] != '_' {
		return ""
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if i != n && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return ""
		}
	}
	return id[:n]
}
