// Package seal encrypts what the database keeps for others to use, so that a copy of
// the database alone shows none of it: with AES-256-GCM, under a key that is made of
// ZEBLIT_SECRET or lies in a file of its own.
//
// What is sealed begins with a byte for the version of this format and eight that name
// the key; the random nonce, the ciphertext and its tag follow. Whoever seals says what
// the text belongs to, and only who says the same can open it: it can't be moved.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
)

const (
	version = 1
	keySize = 32
	idSize  = 8
	head    = 1 + idSize
)

// What goes wrong, in the words of who can mend it.
var (
	// ErrNoKey says that there is nothing to seal with.
	ErrNoKey = errors.New("nothing can be encrypted without ZEBLIT_SECRET, which all nodes on a shared database must have")
	// ErrOtherKey says that another key has sealed it.
	ErrOtherKey = errors.New("it was encrypted with another secret than this one (ZEBLIT_SECRET, or the file " + FileName + " in the data folder)")
	// ErrDamaged says that the bytes aren't what was sealed, or not for this place.
	ErrDamaged = errors.New("it is damaged, or was moved from another place")
)

// Sealer seals and opens. Many may use it at once.
type Sealer struct {
	secret *key
	file   *file // nil: none
	mu     sync.Mutex
}

// key is one key, and what names it.
type key struct {
	aead cipher.AEAD
	id   [idSize]byte
}

// New makes a Sealer. A secret is what it seals with. Without one it is the key in the
// file at path, which is made when something is first sealed; with one, that file only
// opens what it has sealed before. Where path is empty too, nothing can be sealed.
func New(secret, path string) (*Sealer, error) {
	s := &Sealer{}
	if path != "" {
		s.file = &file{path: path}
	}
	if secret == "" {
		return s, nil
	}
	derived, err := hkdf.Key(sha256.New, []byte(secret), nil, "zeblit seal 1", keySize)
	if err != nil {
		return nil, err
	}
	s.secret, err = newKey(derived)
	return s, err
}

func newKey(bare []byte) (*key, error) {
	block, err := aes.NewCipher(bare)
	if err != nil {
		return nil, err
	}
	k := &key{}
	if k.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	id, err := hkdf.Key(sha256.New, bare, nil, "zeblit seal key id", idSize)
	copy(k.id[:], id)
	return k, err
}

// Seal encrypts text for the place that the words of place name, in this order.
func (s *Sealer) Seal(text []byte, place ...string) ([]byte, error) {
	k, err := s.sealing()
	if err != nil {
		return nil, err
	}
	sealed := append([]byte{version}, k.id[:]...)
	return k.aead.Seal(sealed, nil, text, bound(sealed, place)), nil
}

// Open decrypts what was sealed for the same place.
func (s *Sealer) Open(sealed []byte, place ...string) ([]byte, error) {
	if len(sealed) < head || sealed[0] != version {
		return nil, ErrDamaged
	}
	k, err := s.named(sealed[1:head])
	if err != nil {
		return nil, err
	}
	text, err := k.aead.Open(nil, nil, sealed[head:], bound(sealed[:head], place))
	if err != nil {
		return nil, ErrDamaged
	}
	return text, nil
}

// bound is what is authenticated but not encrypted. No two places give the same.
func bound(prefix []byte, place []string) []byte {
	out := bytes.Clone(prefix)
	for _, word := range place {
		out = append(binary.AppendUvarint(out, uint64(len(word))), word...)
	}
	return out
}

func (s *Sealer) sealing() (*key, error) {
	switch {
	case s.secret != nil:
		return s.secret, nil
	case s.file != nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.file.key(true)
	}
	return nil, ErrNoKey
}

// named is the key of that id.
func (s *Sealer) named(id []byte) (*key, error) {
	if s.secret != nil && bytes.Equal(s.secret.id[:], id) {
		return s.secret, nil
	}
	if s.file == nil {
		return nil, ErrOtherKey
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k, err := s.file.key(false)
	if err == nil && (k == nil || !bytes.Equal(k.id[:], id)) {
		err = ErrOtherKey
	}
	return k, err
}
