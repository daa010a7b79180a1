package workspace

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"compress/zlib"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/hash"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/zeblit/zeblit/internal/problem"
)

// maxExport is how many bytes of objects a merge may need.
const maxExport = 3 * MaxProject

// Exported are three commits that stand for the real ones: base has no parent, and both
// sides have it alone. So git finds the same merge in a repository that has no history.
type Exported struct{ Base, Ours, Theirs string }

// Export writes, as a pack, what git needs to merge: the folders that are not the same
// on all three sides, and their files. All others only lend their names.
func (m *Merging) Export(out io.Writer) (*Exported, error) {
	var roots [3]plumbing.Hash
	for i, commit := range []plumbing.Hash{m.base, m.ours.hash, m.theirs.hash} {
		var err error
		if roots[i], err = m.root(commit); err != nil {
			return nil, err
		}
	}
	folders, files, err := m.unequal(roots)
	if err != nil {
		return nil, err
	}
	sizes, err := m.objs.sizes(plumbing.BlobObject, files)
	if err != nil {
		return nil, err
	}
	var total int64
	for _, size := range sizes {
		total += size
	}
	if total > maxExport {
		return nil, problem.New(problem.PreconditionFailed, "the files that differ have %d bytes together, and a merge can have %d", total, maxExport)
	}
	made, commits, err := standIns(roots)
	if err != nil {
		return nil, err
	}
	p := newPackWriter(out, len(commits)+len(folders)+len(files))
	for _, c := range commits {
		p.add(c)
	}
	for _, part := range slices.Collect(slices.Chunk(append(folders, files...), contentBatch)) {
		if err := m.objs.load(part...); err != nil {
			return nil, err
		}
		for _, h := range part {
			obj := m.objs.loaded[h]
			if obj == nil {
				return nil, m.objs.lost(h)
			}
			p.add(obj)
		}
		m.objs.forget()
	}
	return made, p.close()
}

// unequal walks three trees side by side.
func (m *Merging) unequal(roots [3]plumbing.Hash) (folders, files []plumbing.Hash, err error) {
	seen := map[plumbing.Hash]bool{}
	note := func(to *[]plumbing.Hash, h plumbing.Hash) {
		if !h.IsZero() && !seen[h] {
			seen[h] = true
			*to = append(*to, h)
		}
	}
	for level := [][3]plumbing.Hash{roots}; len(level) > 0; {
		var hashes []plumbing.Hash
		for _, three := range level {
			hashes = append(hashes, three[:]...)
		}
		if err := m.objs.load(hashes...); err != nil {
			return nil, nil, err
		}
		var next [][3]plumbing.Hash
		for _, three := range level {
			entries := map[string]*[3]object.TreeEntry{}
			for side, h := range three {
				if h.IsZero() {
					continue
				}
				note(&folders, h)
				tree, err := object.GetTree(m.objs, h)
				if err != nil {
					return nil, nil, fmt.Errorf("read folder %s: %w", h, err)
				}
				for _, e := range tree.Entries {
					if entries[e.Name] == nil {
						entries[e.Name] = &[3]object.TreeEntry{}
					}
					entries[e.Name][side] = e
				}
			}
			for _, e := range entries {
				if e[0] == e[1] && e[1] == e[2] {
					continue
				}
				var below [3]plumbing.Hash
				for side := range e {
					switch {
					case e[side].Mode == filemode.Dir:
						below[side] = e[side].Hash
					case isFile(e[side].Mode):
						note(&files, e[side].Hash)
					}
				}
				if below != [3]plumbing.Hash{} {
					next = append(next, below)
				}
			}
		}
		level = next
	}
	return folders, files, nil
}

// standIns are the commits that a merge is shown, and the folder of nothing.
func standIns(roots [3]plumbing.Hash) (*Exported, []plumbing.EncodedObject, error) {
	empty := &plumbing.MemoryObject{}
	empty.SetType(plumbing.TreeObject)
	all := []plumbing.EncodedObject{empty}
	add := func(root plumbing.Hash, message string, parents ...plumbing.Hash) (plumbing.Hash, error) {
		if root.IsZero() {
			root = empty.Hash()
		}
		who := object.Signature{Name: committerName, Email: committerEmail}
		c := object.Commit{Author: who, Committer: who, Message: message, TreeHash: root, ParentHashes: parents}
		obj := &plumbing.MemoryObject{}
		if err := c.Encode(obj); err != nil {
			return plumbing.ZeroHash, err
		}
		all = append(all, obj)
		return obj.Hash(), nil
	}
	base, err := add(roots[0], "base")
	if err != nil {
		return nil, nil, err
	}
	ours, err := add(roots[1], "ours", base)
	if err != nil {
		return nil, nil, err
	}
	theirs, err := add(roots[2], "theirs", base)
	if err != nil {
		return nil, nil, err
	}
	return &Exported{base.String(), ours.String(), theirs.String()}, all, nil
}

// packWriter writes a pack without deltas, for git-index-pack.
type packWriter struct {
	out  io.Writer
	sum  hash.Hash
	left int
	err  error
}

func newPackWriter(out io.Writer, objects int) *packWriter {
	p := &packWriter{out: out, sum: hash.New(hash.CryptoType), left: objects}
	head := append([]byte("PACK"), 0, 0, 0, 2)
	p.write(binary.BigEndian.AppendUint32(head, uint32(objects))) //nolint:gosec // a merge has fewer than 2^32 objects
	return p
}

func (p *packWriter) Write(b []byte) (int, error) {
	p.write(b)
	return len(b), p.err
}

func (p *packWriter) write(b []byte) {
	if p.err == nil {
		_, p.err = p.out.Write(b)
		_, _ = p.sum.Write(b)
	}
}

// add writes an object; an error shows in close.
func (p *packWriter) add(obj plumbing.EncodedObject) {
	size := uint64(obj.Size()) //nolint:gosec // no object has a negative size
	first := byte(obj.Type())<<4 | byte(size&15)
	size >>= 4
	for ; size > 0; size >>= 7 {
		p.write([]byte{first | 0x80})
		first = byte(size & 0x7f)
	}
	p.write([]byte{first})
	r, err := obj.Reader()
	if err != nil {
		p.fail(err)
		return
	}
	z, err := zlib.NewWriterLevel(p, zlib.BestSpeed)
	if err == nil {
		_, err = io.Copy(z, r)
	}
	if err == nil {
		err = z.Close()
	}
	p.fail(err)
	p.fail(r.Close())
	p.left--
}

func (p *packWriter) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *packWriter) close() error {
	if p.err == nil && p.left != 0 {
		p.err = fmt.Errorf("%d objects of a pack are missing", p.left)
	}
	p.write(p.sum.Sum(nil))
	return p.err
}
