package seal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileName is what the file with the key is called in the data folder.
const FileName = "secret.key"

// file is a key in a file that only its owner may read. One process at a time uses the
// data folder.
type file struct {
	path string
	read *key
}

// key reads the key, or makes one where it is wanted; else nil means that there is none.
// It stays what it is once it is there: the file is never written anew.
func (f *file) key(wanted bool) (*key, error) {
	if f.read != nil {
		return f.read, nil
	}
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if !wanted {
			return nil, nil
		}
		text, err = f.create()
	}
	if err != nil {
		return nil, fmt.Errorf("the key file: %w", err)
	}
	bare, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(bare) != keySize {
		return nil, fmt.Errorf("the key file %s isn't %d bytes in hexadecimal; put back the one from before", f.path, keySize)
	}
	f.read, err = newKey(bare)
	return f.read, err
}

// create puts a new key where none is, and is done when a power cut can't lose it.
func (f *file) create() ([]byte, error) {
	bare := make([]byte, keySize)
	_, _ = rand.Read(bare) // it never fails
	text := []byte(hex.EncodeToString(bare) + "\n")
	next := f.path + ".new"
	if err := write(next, text); err != nil {
		return nil, err
	}
	if err := os.Rename(next, f.path); err != nil {
		return nil, err
	}
	folder, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return nil, err
	}
	return text, errors.Join(folder.Sync(), folder.Close())
}

func write(path string, text []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // an older one might be open to others
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return errors.Join(err, out.Sync(), out.Close())
}
