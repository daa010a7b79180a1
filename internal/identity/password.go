package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is what hashing a password takes.
type cost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// hashCost is OWASP's smallest recommendation for argon2id.
var hashCost = cost{memory: 19 * 1024, time: 2, threads: 1}

const (
	hashesAtOnce = 2 // bounds the memory that sign-ins take
	saltBytes    = 16
	digestBytes  = 32
	// maxHashMemory, in KiB, and maxHashTime are the most that a stored hash may ask for.
	maxHashMemory = 256 * 1024
	maxHashTime   = 16
)

// hasher hashes passwords, hashesAtOnce at a time; more wait until one is done
// or their context ends.
type hasher struct {
	cost  cost
	key   func(password, salt []byte, time, memory uint32, threads uint8, length uint32) []byte
	slots chan struct{} // one element for each hash being made
	// decoy is the hash of no password. Checking against it takes as long as
	// checking a real one.
	decoy digest
}

func newHasher(c cost) *hasher {
	h := &hasher{cost: c, key: argon2.IDKey, slots: make(chan struct{}, hashesAtOnce)}
	h.decoy = digest{cost: c, salt: randomBytes(saltBytes), sum: randomBytes(digestBytes)}
	return h
}

// hash returns the PHC string of a password under a fresh salt.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	d := digest{cost: h.cost, salt: randomBytes(saltBytes)}
	sum, err := h.run(ctx, d, password)
	if err != nil {
		return "", err
	}
	d.sum = sum
	return d.String(), nil
}

// matches reports whether stored is the hash of password. When it is no hash at
// all, as for an account that doesn't exist, the answer is no, in the same time.
func (h *hasher) matches(ctx context.Context, stored, password string) (bool, error) {
	d, ok := parseDigest(stored)
	if !ok {
		d = h.decoy
	}
	sum, err := h.run(ctx, d, password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, d.sum) == 1 && ok, nil
}

func (h *hasher) run(ctx context.Context, d digest, password string) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
	defer func() { <-h.slots }()
	return h.key([]byte(password), d.salt, d.cost.time, d.cost.memory, d.cost.threads, digestBytes), nil
}

// digest is a stored password hash, taken apart.
type digest struct {
	cost      cost
	salt, sum []byte
}

// String is the PHC string format, in which each hash carries its own cost.
func (d digest) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		d.cost.memory, d.cost.time, d.cost.threads, b64.EncodeToString(d.salt), b64.EncodeToString(d.sum))
}

func parseDigest(s string) (d digest, ok bool) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return digest{}, false
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &d.cost.memory, &d.cost.time, &d.cost.threads); n != 3 || err != nil {
		return digest{}, false
	}
	var err1, err2 error
	d.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	d.sum, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	ok = err1 == nil && err2 == nil && len(d.sum) == digestBytes &&
		d.cost.memory <= maxHashMemory && d.cost.time >= 1 && d.cost.time <= maxHashTime && d.cost.threads >= 1
	return d, ok
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
