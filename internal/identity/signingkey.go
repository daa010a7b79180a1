package identity

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/signingkey"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// keysFresh is how long a node signs with the keys it has read: after a rotation
	// on another node, or a failed attempt to read them, it signs with the older
	// key so long.
	keysFresh = 5 * time.Minute
	// unknownKidPause is the least time between two readings of the keys that
	// tokens with an unknown kid cause.
	unknownKidPause = time.Second
)

// keyring is the signing keys as read at one moment. It isn't changed afterwards.
type keyring struct {
	signer  string // id of the key that signs
	private ed25519.PrivateKey
	public  map[string]ed25519.PublicKey // of all keys, also the retired ones
	jwks    []byte
	read    time.Time
}

// Start makes the first signing key on an empty database, wraps what is still
// stored plain when there is a secret now, and reads the keys. It fails when the
// secret isn't the one that the keys were wrapped with.
func (s *Service) Start(ctx context.Context) error {
	ctx = access.As(ctx, access.Auth)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		usable, err := tx.Ent.SigningKey.Query().Where(signingkey.RetiredAtIsNil()).All(ctx)
		if err != nil {
			return err
		}
		// Nodes that start at once may make one each. All verify, the newest signs.
		if len(usable) == 0 {
			_, err := s.createSigningKey(ctx, tx.Ent)
			return err
		}
		for _, k := range usable {
			if k.Wrapped || s.secret == "" {
				continue
			}
			wrapped, err := wrap(s.secret, k.PrivateKey, k.PublicKey)
			if err != nil {
				return err
			}
			err = tx.Ent.SigningKey.Update().Where(signingkey.ID(k.ID), signingkey.Wrapped(false), signingkey.RetiredAtIsNil()).
				SetPrivateKey(wrapped).SetWrapped(true).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("prepare the signing key: %w", err)
	}
	if s.secret == "" && s.db.Dialect == dialect.Postgres {
		s.logger.WarnContext(ctx, "the signing key is stored unencrypted in the shared database: set ZEBLIT_SECRET on every node")
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	return s.load(ctx)
}

// RotateSigningKey makes a new key that signs from now on. The older ones go on
// verifying, but can't sign any more: their private halves are erased. Other
// nodes sign with the new key within keysFresh.
func (s *Service) RotateSigningKey(ctx context.Context) error {
	ctx = access.As(ctx, access.Auth)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, err := s.createSigningKey(ctx, tx.Ent)
		if err != nil {
			return err
		}
		return tx.Ent.SigningKey.Update().
			Where(signingkey.IDNEQ(id), signingkey.RetiredAtIsNil()).
			SetRetiredAt(s.now()).SetPrivateKey([]byte{}).SetWrapped(false).Exec(ctx)
	})
	if err != nil {
		return fmt.Errorf("rotate the signing key: %w", err)
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	return s.load(ctx)
}

// JWKS is the public keys as a JSON Web Key Set, as this node last read them.
func (s *Service) JWKS() []byte {
	if keys := s.keys.Load(); keys != nil {
		return bytes.Clone(keys.jwks)
	}
	return []byte(`{"keys":[]}`)
}

func (s *Service) createSigningKey(ctx context.Context, c *ent.Client) (id string, err error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	seed := private.Seed()
	if s.secret != "" {
		if seed, err = wrap(s.secret, seed, public); err != nil {
			return "", err
		}
	}
	id = relay.NewID("sgk")
	return id, c.SigningKey.Create().SetID(id).SetPublicKey(public).
		SetPrivateKey(seed).SetWrapped(s.secret != "").Exec(ctx)
}

// signingKeys returns keys that are fresh enough to sign with.
func (s *Service) signingKeys(ctx context.Context) (*keyring, error) {
	keys := s.keys.Load()
	if keys == nil {
		return nil, errNotStarted
	}
	if s.now().Sub(keys.read) < keysFresh || !s.loading.TryLock() {
		return keys, nil
	}
	defer s.loading.Unlock()
	if err := s.load(access.As(ctx, access.Auth)); err != nil {
		// What was read before goes on signing; the next try is one keysFresh away.
		s.logger.ErrorContext(ctx, "signing keys could not be read again", "error", err)
		older := *keys
		older.read = s.now()
		s.keys.Store(&older)
	}
	return s.keys.Load(), nil
}

// verifyingKey returns the public key named kid, or nil when there is none. An
// unknown one may be of another node that has just rotated, so the keys are read
// again, but not for every forged token.
func (s *Service) verifyingKey(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	keys := s.keys.Load()
	if keys == nil {
		return nil, errNotStarted
	}
	if key, ok := keys.public[kid]; ok {
		return key, nil
	}
	if relay.IDPrefix(kid) != "sgk" {
		return nil, nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	if key, ok := s.keys.Load().public[kid]; ok {
		return key, nil // read while this call waited
	}
	now := s.now()
	if now.Sub(s.sought) < unknownKidPause {
		return nil, nil
	}
	s.sought = now
	if err := s.load(access.As(ctx, access.Auth)); err != nil {
		return nil, err
	}
	return s.keys.Load().public[kid], nil
}

// load reads the keys. The caller holds s.loading.
func (s *Service) load(ctx context.Context) error {
	rows, err := s.db.Ent.SigningKey.Query().
		Order(signingkey.ByCreatedAt(sql.OrderDesc()), signingkey.ByID(sql.OrderDesc())).All(ctx)
	if err != nil {
		return fmt.Errorf("read the signing keys: %w", err)
	}
	keys := &keyring{public: make(map[string]ed25519.PublicKey, len(rows)), read: s.now()}
	for _, k := range rows {
		if len(k.PublicKey) != ed25519.PublicKeySize {
			return fmt.Errorf("signing key %s is damaged", k.ID)
		}
		keys.public[k.ID] = k.PublicKey
		if keys.signer != "" || k.RetiredAt != nil {
			continue
		}
		keys.signer = k.ID
		if keys.private, err = s.privateKey(k); err != nil {
			return fmt.Errorf("signing key %s: %w", k.ID, err)
		}
	}
	if keys.signer == "" {
		return errors.New("the database has no signing key")
	}
	if keys.jwks, err = keySet(rows); err != nil {
		return err
	}
	s.keys.Store(keys)
	return nil
}

func (s *Service) privateKey(k *ent.SigningKey) (ed25519.PrivateKey, error) {
	seed := k.PrivateKey
	if k.Wrapped {
		if s.secret == "" {
			return nil, errors.New("it is encrypted: set ZEBLIT_SECRET to the secret that it was made with")
		}
		var err error
		if seed, err = unwrap(s.secret, seed, k.PublicKey); err != nil {
			return nil, errors.New("it can't be decrypted: ZEBLIT_SECRET is not the secret that it was made with")
		}
	}
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("it is damaged")
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(private.Public().(ed25519.PublicKey), k.PublicKey) {
		return nil, errors.New("its halves don't match")
	}
	return private, nil
}

// jwk is one key of the set, as RFC 8037 writes an Ed25519 key.
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	X         string `json:"x"`
}

func keySet(rows []*ent.SigningKey) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: make([]jwk, len(rows))}
	for i, k := range rows {
		set.Keys[i] = jwk{
			KeyType: "OKP", Curve: "Ed25519", ID: k.ID, Use: "sig", Algorithm: "EdDSA",
			X: base64.RawURLEncoding.EncodeToString(k.PublicKey),
		}
	}
	return json.Marshal(set)
}

// wrap encrypts a private key so that it opens only beside its public key.
func wrap(secret string, seed, public []byte) ([]byte, error) {
	sealer, err := wrapper(secret)
	if err != nil {
		return nil, err
	}
	return sealer.Seal(nil, nil, seed, public), nil
}

func unwrap(secret string, wrapped, public []byte) ([]byte, error) {
	sealer, err := wrapper(secret)
	if err != nil {
		return nil, err
	}
	return sealer.Open(nil, nil, wrapped, public)
}

// wrapper is AES-256-GCM, which puts its random nonce in front of what it seals.
func wrapper(secret string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "zeblit signing key 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
