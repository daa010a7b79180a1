package workspace

import (
	"cmp"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/linediff"
)

// What is looked at to find moves with changes: at most so many deleted and so many
// added files, none larger than that.
const (
	renameFiles   = 50
	renameBytes   = 128 << 10
	minSimilarity = 50 // percent
)

// pair makes files of what differs: a file that is gone and one that came with the same
// content, or much of it, are one that was moved.
func (d *differ) pair(found []difference) ([]FileDiff, error) {
	var gone, came, files []FileDiff
	for _, x := range found {
		f := FileDiff{Path: x.path, Old: versionOf(x.before), New: versionOf(x.after)}
		switch x.change() {
		case enum.FileCreated:
			f.Status = Added
			came = append(came, f)
		case enum.FileDeleted:
			f.Status = Deleted
			gone = append(gone, f)
		default:
			f.Status = Modified
			files = append(files, f)
		}
	}
	taken := make([]bool, len(gone))
	moved := func(i int, f FileDiff, similarity int) FileDiff {
		taken[i] = true
		f.Status, f.Previous, f.Old, f.Similarity = Renamed, gone[i].Path, gone[i].Old, similarity
		return f
	}
	equal := map[string][]int{}
	for i, f := range gone {
		equal[f.Old.Revision] = append(equal[f.Old.Revision], i)
	}
	var left []FileDiff
	for _, f := range came {
		same := equal[f.New.Revision]
		if len(same) == 0 {
			left = append(left, f)
			continue
		}
		equal[f.New.Revision] = same[1:]
		files = append(files, moved(same[0], f, 100))
	}
	var rest []int
	for i := range gone {
		if !taken[i] {
			rest = append(rest, i)
		}
	}
	best, err := d.similar(gone, rest, left)
	if err != nil {
		return nil, err
	}
	for at, f := range left {
		if b, ok := best[at]; ok {
			f = moved(b.gone, f, b.similarity)
		}
		files = append(files, f)
	}
	for i, f := range gone {
		if !taken[i] {
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b FileDiff) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

type likeness struct{ gone, came, similarity int }

// similar finds for each file that came the one that is gone and most like it.
func (d *differ) similar(gone []FileDiff, rest []int, came []FileDiff) (map[int]likeness, error) {
	out := map[int]likeness{}
	if len(rest) == 0 || len(came) == 0 || len(rest) > renameFiles || len(came) > renameFiles {
		return out, nil
	}
	bags := map[string]bag{}
	for _, i := range rest {
		if err := d.bag(bags, gone[i].Old.Revision); err != nil {
			return nil, err
		}
	}
	for _, f := range came {
		if err := d.bag(bags, f.New.Revision); err != nil {
			return nil, err
		}
	}
	var all []likeness
	for _, i := range rest {
		for at, f := range came {
			if s := bags[gone[i].Old.Revision].similarity(bags[f.New.Revision]); s >= minSimilarity {
				all = append(all, likeness{i, at, s})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b likeness) int { return cmp.Compare(b.similarity, a.similarity) })
	used := map[int]bool{}
	for _, l := range all {
		if _, has := out[l.came]; !has && !used[l.gone] {
			out[l.came], used[l.gone] = l, true
		}
	}
	return out, nil
}

// bag is how many bytes a text has of each line.
type bag struct {
	lines map[string]int
	size  int
}

func (d *differ) bag(bags map[string]bag, revision string) error {
	hash := plumbing.NewHash(revision)
	size, err := d.objs.EncodedObjectSize(hash)
	if err != nil || size > renameBytes || size == 0 {
		return err
	}
	content, err := d.objs.content(plumbing.BlobObject, hash)
	if err != nil || isBinary(content) {
		return err
	}
	b := bag{lines: map[string]int{}, size: len(content)}
	for _, line := range linediff.Lines(string(content)) {
		b.lines[line] += len(line)
	}
	bags[revision] = b
	return nil
}

// similarity is how much of the larger text the two have in common, in percent; below
// 100, since they are not equal.
func (b bag) similarity(other bag) int {
	if b.size == 0 || other.size == 0 {
		return 0
	}
	common := 0
	for line, bytes := range b.lines {
		common += min(bytes, other.lines[line])
	}
	return min(99, common*100/max(b.size, other.size))
}
