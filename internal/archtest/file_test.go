package archtest

import "testing"

// longestFile is how long a hand-written file may be, in lines.
const longestFile = 400

func TestFilesStayShort(t *testing.T) {
	for _, s := range sources(t) {
		if !s.generated && s.lines > longestFile {
			t.Errorf("%s has %d lines: split it by what it does (at most %d)", s.path, s.lines, longestFile)
		}
	}
}
